#include "app/commands/line_source.hpp"

#include "messages/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace dbproxy {

result<line_source> line_source::open(const std::string& path) {
  if (path == "-")
    return line_source{STDIN_FILENO, false};
  auto fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return make_error(
      error_code::internal,
      "cannot read " + path + ": " + std::strerror(errno));
  return line_source{fd, true};
}

line_source::line_source(line_source&& other) noexcept
  : fd_(other.fd_),
    owned_(std::exchange(other.owned_, false)),
    buffer_(std::move(other.buffer_)),
    begin_(other.begin_),
    number_(other.number_) {}

line_source::~line_source() {
  if (owned_)
    ::close(fd_);
}

line_source::state line_source::next(std::string& out) {
  out.clear();
  for (;;) {
    auto end = buffer_.find('\n', begin_);
    auto found = end != std::string::npos;
    auto last = found ? end : buffer_.size();
    auto room = limits::message_bytes_max + 1 - out.size();
    out.append(buffer_, begin_, std::min(last - begin_, room));
    begin_ = found ? last + 1 : last;
    if (!found && fill())
      continue;
    if (!found && out.empty())
      return state::end;
    ++number_;
    return state::line;
  }
}

bool line_source::fill() {
  buffer_.erase(0, std::exchange(begin_, 0));
  constexpr std::size_t step = 1U << 16U;
  auto used = buffer_.size();
  buffer_.resize(used + step);
  ssize_t got = -1;
  do
    got = ::read(fd_, buffer_.data() + used, step);
  while (got < 0 && errno == EINTR);
  buffer_.resize(used + static_cast<std::size_t>(got > 0 ? got : 0));
  return got > 0;
}

} // namespace dbproxy
