#include "app/commands/stop_watch.hpp"

#include <csignal>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 50ms;

} // namespace

stop_watch::stop_watch() {
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::jthread{[this](const std::stop_token& over) {
    while (!over.stop_requested())
      if (signals_.wait(look_interval)) {
        source_.request_stop();
        return;
      }
  }};
}

} // namespace dbproxy
