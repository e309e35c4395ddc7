#include "app/commands/child_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dbproxy {

namespace {

write_error start_error(int number) {
  return make_error(
    error_code::internal,
    std::string{"cannot start a process: "} + std::strerror(number));
}

void close_and_forget(int& fd) {
  if (fd >= 0)
    ::close(fd);
  fd = -1;
}

} // namespace

result<child_process>
child_process::start(const std::vector<std::string>& arguments) {
  std::array<int, 2> to_child{};
  std::array<int, 2> from_child{};
  if (pipe2(to_child.data(), O_CLOEXEC) != 0)
    return start_error(errno);
  if (pipe2(from_child.data(), O_CLOEXEC) != 0) {
    auto number = errno;
    ::close(to_child[0]);
    ::close(to_child[1]);
    return start_error(number);
  }
  std::string program = "/proc/self/exe";
  std::vector<std::string> texts{"dbproxy"};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(texts.size() + 1);
  for (auto& text : texts)
    argv.push_back(text.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to_child[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from_child[1], STDOUT_FILENO);
  pid_t pid = -1;
  auto failed =
    posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(to_child[0]);
  ::close(from_child[1]);
  if (failed != 0) {
    ::close(to_child[1]);
    ::close(from_child[0]);
    return start_error(failed);
  }
  return child_process{pid, to_child[1], from_child[0]};
}

child_process::child_process(child_process&& other) noexcept
  : pid_(std::exchange(other.pid_, -1)),
    input_(std::exchange(other.input_, -1)),
    output_(std::exchange(other.output_, -1)),
    status_(other.status_),
    buffer_(std::move(other.buffer_)) {}

child_process::~child_process() {
  close_and_forget(input_);
  if (pid_ > 0) {
    terminate();
    wait();
  }
  close_and_forget(output_);
}

bool child_process::write_line(std::string line) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    auto done = ::write(input_, rest.data(), rest.size());
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return false;
    rest.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

void child_process::close_input() {
  close_and_forget(input_);
}

bool child_process::read_line(std::string& line) {
  for (;;) {
    auto end = buffer_.find('\n');
    if (end != std::string::npos) {
      line.assign(buffer_, 0, end);
      buffer_.erase(0, end + 1);
      return true;
    }
    std::array<char, 4096> part{};
    auto got = ::read(output_, part.data(), part.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    buffer_.append(part.data(), static_cast<std::size_t>(got));
  }
}

void child_process::terminate() {
  if (pid_ > 0)
    kill(pid_, SIGTERM);
}

int child_process::wait() {
  if (pid_ <= 0)
    return status_;
  int raw = 0;
  while (waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return status_;
}

bool child_process::running() {
  if (pid_ <= 0)
    return false;
  siginfo_t info{};
  return waitid(
           P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT)
           == 0
         && info.si_pid == 0;
}

} // namespace dbproxy
