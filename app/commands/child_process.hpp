// A process of this program, with pipes to its standard input and output.
#pragma once

#include "messages/errors.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

namespace dbproxy {

/// Owns a child: what is still running at the end of the scope is terminated
/// and waited for. Feed it from one thread, read it from another.
class child_process {
public:
  /// Starts this same executable with `arguments`.
  static result<child_process> start(const std::vector<std::string>& arguments);

  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&&) = delete;
  ~child_process();

  /// Writes a line to its standard input; false if it does not read any more.
  bool write_line(std::string line);

  /// Ends its standard input.
  void close_input();

  /// The next line of its standard output, waiting for it; false at the end.
  bool read_line(std::string& line);

  /// Asks it to end (SIGTERM).
  void terminate();

  /// Waits for its end; its exit status, or 128 and the signal's number.
  int wait();

  bool running();

private:
  child_process(pid_t pid, int input, int output)
    : pid_(pid),
      input_(input),
      output_(output) {}

  pid_t pid_;
  int input_;
  int output_;
  int status_ = -1;
  std::string buffer_;
};

} // namespace dbproxy
