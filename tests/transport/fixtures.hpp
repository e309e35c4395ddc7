// What the suites of this folder share: fresh directories, forked processes,
// and a queue to await what happens on another thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dbproxy::test {

/// How long to wait for what must happen.
inline constexpr std::chrono::seconds patience{60};

/// A fresh directory, removed at the end with all that is in it.
class temp_directory {
public:
  temp_directory() {
    std::string name = "/tmp/dbproxy-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"mkdtemp"};
    path_ = std::filesystem::canonical(name);
  }

  temp_directory(const temp_directory&) = delete;
  temp_directory& operator=(const temp_directory&) = delete;

  ~temp_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

private:
  std::filesystem::path path_;
};

/// An environment variable with another value for a while.
class environment {
public:
  environment(std::string name, const std::string& value)
    : name_(std::move(name)) {
    if (const char* before = std::getenv(name_.c_str()))
      before_ = before;
    ::setenv(name_.c_str(), value.c_str(), 1);
  }

  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

  ~environment() {
    if (before_)
      ::setenv(name_.c_str(), before_->c_str(), 1);
    else
      ::unsetenv(name_.c_str());
  }

private:
  std::string name_;
  std::optional<std::string> before_;
};

/// A pipe for a line or two between processes.
class pipe_ends {
public:
  pipe_ends() {
    if (::pipe(ends_) != 0)
      throw std::runtime_error{"pipe"};
  }

  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;

  ~pipe_ends() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  void tell(int number) const {
    if (::write(ends_[1], &number, sizeof number) != sizeof number)
      ::_exit(2);
  }

  /// Waits for the number that somebody tells.
  int hear() const {
    int number = -1;
    if (::read(ends_[0], &number, sizeof number) != sizeof number)
      throw std::runtime_error{"nothing was told"};
    return number;
  }

private:
  int ends_[2];
};

/// A forked process that runs `body` and then exits with what it returned. It
/// is killed at the end, if it still runs.
class child_process {
public:
  template <class F>
  explicit child_process(F body) : pid_(::fork()) {
    if (pid_ == 0) {
      // Nothing of the parent's is to be destroyed in the child.
      ::alarm(60);
      ::_exit(body());
    }
  }

  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  ~child_process() { kill(); }

  pid_t pid() const { return pid_; }

  /// Ends it with SIGKILL.
  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    wait();
  }

  /// Waits for its end; its exit status, or -1 if it was killed.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

private:
  pid_t pid_;
};

/// Sleeps until it is killed.
[[noreturn]] inline void sleep_for_ever() {
  for (;;)
    ::pause();
}

/// What another thread hands over.
template <class T>
class handed_over {
public:
  void put(T value) {
    const std::lock_guard guard{mutex_};
    values_.push_back(std::move(value));
    more_.notify_one();
  }

  /// The next value; nothing if there is none for too long.
  std::optional<T> take() {
    std::unique_lock guard{mutex_};
    if (!more_.wait_for(guard, patience, [this] { return !values_.empty(); }))
      return std::nullopt;
    auto value = std::move(values_.front());
    values_.pop_front();
    return value;
  }

private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<T> values_;
};

/// Leaves a Unix socket behind at `path`, as a killed process does.
inline void leave_socket(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const int rc =
    ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::close(fd);
  if (rc != 0)
    throw std::runtime_error{"bind " + path.string()};
}

} // namespace dbproxy::test
