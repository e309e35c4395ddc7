// Lines from a file or standard input, with a bound on their length.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace dbproxy {

/// Reads a descriptor line by line. One thread.
class line_source {
public:
  enum class state {
    line, ///< a line was read
    end,  ///< no further lines
  };

  /// `path` is a file, or "-" for standard input.
  static result<line_source> open(const std::string& path);

  line_source(line_source&& other) noexcept;
  line_source(const line_source&) = delete;
  line_source& operator=(const line_source&) = delete;
  ~line_source();

  /// The next line without its end, into `out`. Of a line longer than
  /// limits::message_bytes_max only as much is kept as shows that. A read that
  /// fails is the end.
  state next(std::string& out);

  /// The number of the latest line, counted from 1.
  std::int64_t number() const noexcept { return number_; }

private:
  line_source(int fd, bool owned) : fd_(fd), owned_(owned) {}

  bool fill();

  int fd_;
  bool owned_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::int64_t number_ = 0;
};

} // namespace dbproxy
