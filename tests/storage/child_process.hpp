// A forked child that runs a function and tells what it returned: for tests
// that need another process, or another user.
#pragma once

#include <cerrno>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace dbproxy::storage_test {

/// Runs `work` in a child from its construction on. To be made while the
/// process has one thread and no open connection that the child would touch.
class child_process {
public:
  explicit child_process(const std::function<std::string()>& work) {
    int ends[2];
    if (::pipe(ends) != 0)
      throw std::runtime_error{"pipe"};
    pid_ = ::fork();
    if (pid_ < 0)
      throw std::runtime_error{"fork"};
    if (pid_ == 0) {
      ::close(ends[0]);
      tell(ends[1], work);
    }
    ::close(ends[1]);
    from_ = ends[0];
  }

  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  ~child_process() {
    if (pid_ > 0)
      finish();
  }

  /// What the child's function returned; waits for its end.
  std::string finish() {
    std::string text;
    char bytes[256];
    for (;;) {
      auto count = ::read(from_, bytes, sizeof bytes);
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        break;
      text.append(bytes, static_cast<std::size_t>(count));
    }
    ::close(from_);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    return text;
  }

private:
  [[noreturn]] static void
  tell(int to, const std::function<std::string()>& work) {
    auto text = work();
    std::size_t done = 0;
    while (done < text.size()) {
      auto count = ::write(to, text.data() + done, text.size() - done);
      if (count <= 0)
        break;
      done += static_cast<std::size_t>(count);
    }
    ::_exit(0);
  }

  pid_t pid_ = -1;
  int from_ = -1;
};

/// What `work` returns when it is run by a user whom file modes bind: for
/// root, in a child, as "nobody".
inline std::string as_ordinary_user(const std::function<std::string()>& work) {
  return child_process{
    [&] {
      constexpr uid_t nobody = 65534;
      if (
        ::getuid() == 0
        && (::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0))
        return std::string{"cannot become nobody"};
      return work();
    }}
    .finish();
}

} // namespace dbproxy::storage_test
