// How far a command is, on a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace dbproxy {

/// Drawn on standard error if that is a terminal, and wiped away at the end.
/// One thread at a time.
class progress_bar {
public:
  /// `unit` is what is counted, "files".
  progress_bar(std::string unit, std::size_t total);

  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  ~progress_bar();

  /// That many more are done.
  void advance(std::size_t count);

private:
  void draw();

  std::string unit_;
  std::size_t total_;
  std::size_t done_ = 0;
  bool terminal_;
  std::chrono::steady_clock::time_point next_{};
};

} // namespace dbproxy
