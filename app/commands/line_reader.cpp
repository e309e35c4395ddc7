#include "app/commands/line_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// How soon a wait notices that the stop was requested.
constexpr auto stop_interval = 50ms;

int patience_ms(const pipe_wait& wait) {
  auto left = wait.stop.stop_possible() ? stop_interval : 1h;
  if (wait.until)
    left = std::min(
      left, std::chrono::ceil<std::chrono::milliseconds>(
              std::max(*wait.until - clock::now(), clock::duration{})));
  return static_cast<int>(left / 1ms);
}

} // namespace

bool wait_ready(int fd, short events, const pipe_wait& wait) {
  for (;;) {
    if (wait.stop.stop_requested())
      return false;
    pollfd one{fd, events, 0};
    auto ready = poll(&one, 1, patience_ms(wait));
    if (ready > 0 || (ready < 0 && errno != EINTR))
      return true;
    if (wait.until && clock::now() >= *wait.until)
      return false;
  }
}

line_reader::state line_reader::next(std::string& out, const pipe_wait& wait) {
  for (;;) {
    auto end = buffer_.find('\n', searched_);
    searched_ = buffer_.size();
    if (std::min(end, buffer_.size()) > wait.line_bytes_max)
      return state::too_long;
    if (end != std::string::npos) {
      out.assign(buffer_, 0, end);
      buffer_.erase(0, end + 1);
      searched_ = 0;
      return state::line;
    }
    if (!wait_ready(fd_, POLLIN, wait))
      return wait.stop.stop_requested() ? state::stopped : state::late;
    std::array<char, 1U << 16U> part{};
    auto got = ::read(fd_, part.data(), part.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return state::end;
    buffer_.append(part.data(), static_cast<std::size_t>(got));
  }
}

} // namespace dbproxy
