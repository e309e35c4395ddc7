// A child process, with pipes to its standard input and output.
#pragma once

#include "app/commands/line_reader.hpp"
#include "messages/errors.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace dbproxy {

/// What to start, and how.
struct child_options {
  /// The executable; by default this same one.
  std::string program = "/proc/self/exe";
  std::vector<std::string> arguments;
  /// A process group of its own: what ends it ends what it has started too,
  /// and a terminal's Ctrl-C does not reach it.
  bool own_group = false;
  /// A descriptor for its standard input, in the place of a pipe.
  int input = -1;
  /// Throws away what it writes on standard error.
  bool quiet = false;
};

/// Owns a child: what is still running at the end of the scope is terminated,
/// killed if it does not end, and waited for. Feed it from one thread, read it
/// from another.
class child_process {
public:
  static result<child_process> start(const child_options& options);

  /// Starts this same executable with `arguments`.
  static result<child_process> start(const std::vector<std::string>& arguments);

  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&&) = delete;
  ~child_process();

  /// Writes a line to its standard input; false if it does not read any more,
  /// not in time, or not before the stop.
  bool write_line(std::string line, const pipe_wait& wait = {});

  /// Ends its standard input.
  void close_input();

  /// The next line of its standard output.
  line_reader::state read_line(std::string& line, const pipe_wait& wait);

  /// The next line of its standard output, waiting for it; false at the end.
  bool read_line(std::string& line);

  /// Asks it to end (SIGTERM).
  void terminate();

  /// Ends it (SIGKILL).
  void kill();

  /// Waits for its end; its exit status, or 128 and the signal's number.
  int wait();

  /// Waits for its end and kills it if that takes longer than `patience`.
  int wait_or_kill(std::chrono::milliseconds patience);

  bool running();

  pid_t pid() const noexcept { return pid_; }

private:
  child_process(pid_t pid, bool group, int input, int output);

  void send(int number);

  pid_t pid_;
  bool group_;
  int input_;
  int output_;
  int status_ = -1;
  line_reader lines_;
};

} // namespace dbproxy
