#include "app/commands/child_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

// How long a child that is no longer wanted may take to end.
constexpr auto ending_wait = 2s;

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

/// Both ends of a pipe; what is not taken is closed.
struct pipe_ends {
  std::array<int, 2> ends{-1, -1};

  bool open() { return pipe2(ends.data(), O_CLOEXEC) == 0; }

  int take(std::size_t index) { return std::exchange(ends[index], -1); }

  ~pipe_ends() {
    for (auto& end : ends)
      close_and_forget(end);
  }
};

/// The attributes of a new process: none of the signals that this one blocks
/// or ignores for itself is blocked or ignored.
class spawn_attributes {
public:
  explicit spawn_attributes(bool own_group) {
    posix_spawnattr_init(&attributes_);
    auto flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &pipe);
    if (own_group)
      flags |= POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
  }

  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;
  ~spawn_attributes() { posix_spawnattr_destroy(&attributes_); }

  const posix_spawnattr_t* get() const { return &attributes_; }

private:
  posix_spawnattr_t attributes_{};
};

int spawn(const child_options& options, int input, int output, pid_t& pid) {
  auto own = options.program == child_options{}.program;
  std::vector<std::string> texts{own ? "dbproxy" : options.program};
  texts.insert(texts.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> argv;
  argv.reserve(texts.size() + 1);
  for (auto& text : texts)
    argv.push_back(text.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (options.quiet)
    posix_spawn_file_actions_addopen(
      &actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  spawn_attributes attributes{options.own_group};
  auto failed = posix_spawn(
    &pid, options.program.c_str(), &actions, attributes.get(), argv.data(),
    environ);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

} // namespace

result<child_process> child_process::start(const child_options& options) {
  pipe_ends to_child;
  pipe_ends from_child;
  if ((options.input < 0 && !to_child.open()) || !from_child.open())
    return start_error(errno);
  auto input = options.input < 0 ? to_child.ends[0] : options.input;
  pid_t pid = -1;
  if (auto failed = spawn(options, input, from_child.ends[1], pid))
    return start_error(failed);
  // Its own end only: the child's does not become non-blocking.
  if (to_child.ends[1] >= 0)
    fcntl(to_child.ends[1], F_SETFL, O_NONBLOCK);
  return child_process{
    pid, options.own_group, to_child.take(1), from_child.take(0)};
}

result<child_process>
child_process::start(const std::vector<std::string>& arguments) {
  child_options options;
  options.arguments = arguments;
  return start(options);
}

child_process::child_process(pid_t pid, bool group, int input, int output)
  : pid_(pid),
    group_(group),
    input_(input),
    output_(output),
    lines_(output) {}

child_process::child_process(child_process&& other) noexcept
  : pid_(std::exchange(other.pid_, -1)),
    group_(other.group_),
    input_(std::exchange(other.input_, -1)),
    output_(std::exchange(other.output_, -1)),
    status_(other.status_),
    lines_(std::move(other.lines_)) {}

child_process::~child_process() {
  close_and_forget(input_);
  if (pid_ > 0) {
    terminate();
    wait_or_kill(ending_wait);
  }
  close_and_forget(output_);
}

bool child_process::write_line(std::string line, const pipe_wait& wait) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    auto done = ::write(input_, rest.data(), rest.size());
    if (done >= 0)
      rest.remove_prefix(static_cast<std::size_t>(done));
    else if (errno == EINTR)
      continue;
    else if (errno != EAGAIN || !wait_ready(input_, POLLOUT, wait))
      return false;
  }
  return true;
}

void child_process::close_input() {
  close_and_forget(input_);
}

line_reader::state
child_process::read_line(std::string& line, const pipe_wait& wait) {
  return lines_.next(line, wait);
}

bool child_process::read_line(std::string& line) {
  return read_line(line, {}) == line_reader::state::line;
}

void child_process::send(int number) {
  if (pid_ > 0)
    ::kill(group_ ? -pid_ : pid_, number);
}

void child_process::terminate() {
  send(SIGTERM);
}

void child_process::kill() {
  send(SIGKILL);
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

int child_process::wait_or_kill(std::chrono::milliseconds patience) {
  auto until = std::chrono::steady_clock::now() + patience;
  while (running() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(1ms);
  if (running())
    kill();
  return wait();
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
