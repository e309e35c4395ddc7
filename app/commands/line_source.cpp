#include "app/commands/line_source.hpp"

#include "messages/limits.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
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
    at_end_(other.at_end_),
    skipping_(other.skipping_),
    buffer_(std::move(other.buffer_)),
    begin_(other.begin_),
    number_(other.number_) {}

line_source::~line_source() {
  if (owned_)
    ::close(fd_);
}

line_source::state line_source::next(std::string& out, bool wait) {
  for (;;) {
    if (take_line(out)) {
      ++number_;
      if (std::exchange(skipping_, false))
        return state::too_long;
      return state::line;
    }
    if (buffer_.size() - begin_ > limits::message_bytes_max) {
      skipping_ = true;
      buffer_.clear();
      begin_ = 0;
    }
    if (at_end_)
      return state::end;
    pollfd readable{fd_, POLLIN, 0};
    if (!wait && poll(&readable, 1, 0) == 0)
      return state::not_ready;
    at_end_ = !fill();
  }
}

// The last line may lack its end.
bool line_source::take_line(std::string& out) {
  auto end = buffer_.find('\n', begin_);
  auto last = end == std::string::npos;
  if (last && (!at_end_ || (begin_ == buffer_.size() && !skipping_)))
    return false;
  if (last)
    end = buffer_.size();
  out.assign(buffer_, begin_, end - begin_);
  begin_ = last ? end : end + 1;
  return true;
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
