#include "transport/posix.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace dbproxy {

unique_fd& unique_fd::operator=(unique_fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void unique_fd::reset() noexcept {
  const auto saved = errno;
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
  errno = saved;
}

int unique_fd::release() noexcept {
  return std::exchange(fd_, -1);
}

write_error os_error(std::string what, int number, std::string_view advice) {
  what += ": ";
  what += std::generic_category().message(number);
  if (!advice.empty()) {
    what += "; ";
    what += advice;
  }
  return make_error(error_code::internal, std::move(what));
}

} // namespace dbproxy
