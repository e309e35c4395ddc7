// The little that this folder needs of POSIX: a descriptor that closes itself,
// and errors that say what failed, why, and what to do about it.
#pragma once

#include "messages/errors.hpp"

#include <string>
#include <string_view>

namespace dbproxy {

/// Owns one file descriptor. A value type that can only be moved; not for use
/// by two threads at once.
class unique_fd {
public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept;
  unique_fd(const unique_fd&) = delete;
  unique_fd& operator=(const unique_fd&) = delete;
  ~unique_fd() { reset(); }

  /// The descriptor, -1 where there is none.
  int get() const noexcept { return fd_; }

  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Closes the descriptor. Keeps errno.
  void reset() noexcept;

  /// Gives the descriptor away, open.
  int release() noexcept;

private:
  int fd_ = -1;
};

/// INTERNAL: "what: the text of `number`; advice". `number` is an errno value.
write_error
os_error(std::string what, int number, std::string_view advice = {});

} // namespace dbproxy
