// What can be set of how an instance watches itself and its primary.
#pragma once

#include "messages/limits.hpp"

#include <chrono>
#include <cstddef>

namespace dbproxy {

inline constexpr std::chrono::milliseconds default_heartbeat_interval{1000};

/// All times are greater than 0.
struct supervision {
  /// Between two heartbeats of a primary.
  std::chrono::milliseconds heartbeat_interval = default_heartbeat_interval;
  /// A primary that is not heard for so long is not sent writes.
  std::chrono::milliseconds silence_max = limits::silence_max;
  /// Restarts of failed parts within `restart_window` before the role is given
  /// up.
  std::size_t restarts_max = limits::restarts_max;
  std::chrono::milliseconds restart_window = limits::restart_window;
};

} // namespace dbproxy
