#include "app/commands/progress_bar.hpp"

#include <algorithm>
#include <iostream>
#include <utility>

#include <unistd.h>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

constexpr auto draw_interval = 100ms;
constexpr std::size_t bar_width = 30;

} // namespace

progress_bar::progress_bar(std::string unit, std::size_t total)
  : unit_(std::move(unit)),
    total_(total),
    terminal_(isatty(STDERR_FILENO) != 0) {}

progress_bar::~progress_bar() {
  if (terminal_)
    std::cerr << "\r\x1b[K" << std::flush;
}

void progress_bar::advance(std::size_t count) {
  done_ += count;
  auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now < next_)
    return;
  next_ = now + draw_interval;
  draw();
}

void progress_bar::draw() {
  auto whole = std::max<std::size_t>(total_, 1);
  auto filled = std::min(bar_width, done_ * bar_width / whole);
  std::cerr << "\r[" << std::string(filled, '#')
            << std::string(bar_width - filled, '.') << "] " << done_ << " of "
            << total_ << ' ' << unit_ << "\x1b[K" << std::flush;
}

} // namespace dbproxy
