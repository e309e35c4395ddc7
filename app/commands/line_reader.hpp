// Lines from a pipe, with a bound on their length and on the wait for them.
#pragma once

#include "messages/limits.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>

namespace dbproxy {

/// What a caller that waits for a pipe puts up with.
struct pipe_wait {
  std::optional<std::chrono::steady_clock::time_point> until;
  std::stop_token stop;
  std::size_t line_bytes_max = limits::message_bytes_max;
};

/// Waits until `fd` can be read or written (`events` of poll). False if that
/// was too late or the stop was requested.
bool wait_ready(int fd, short events, const pipe_wait& wait);

/// Reads a descriptor, which it does not own, line by line. One thread.
class line_reader {
public:
  enum class state {
    line,     ///< a line was read
    end,      ///< no further lines
    too_long, ///< the line is longer than line_bytes_max; nothing more to read
    late,     ///< no line came until the point in time
    stopped,  ///< the stop was requested first
  };

  explicit line_reader(int fd) : fd_(fd) {}

  /// The next line without its end, into `out`. After `late` and `stopped` the
  /// same line can be waited for again. What comes after the last line end is
  /// no line.
  state next(std::string& out, const pipe_wait& wait = {});

private:
  int fd_;
  std::string buffer_;
  std::size_t searched_ = 0;
};

} // namespace dbproxy
