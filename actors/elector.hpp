// The elector: watches who holds the lock, and tells forwarder and proxy when
// that changes. The kernel lock is the truth; the file's text is the address.
#pragma once

#include "actors/interfaces.hpp"
#include "transport/instance_directory.hpp"
#include "transport/leader_lock.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace dbproxy {

/// The time between two looks at the lock.
inline constexpr std::chrono::milliseconds lock_watch_interval{100};

struct elector_options {
  instance_directory directory;
  /// Who was primary when the instance started.
  std::optional<primary_record> primary;
  forwarder_actor forwarder;
  /// Also told of each change, on the elector's thread; may be empty.
  std::function<void(const primary_changed&)> on_change;
};

struct elector_state {
  static inline const char* name = "elector";

  std::optional<elector_options> options;
  proxy_actor proxy;
};

elector_actor::behavior_type elector(
  elector_actor::stateful_pointer<elector_state> self, elector_options options,
  proxy_actor proxy);

} // namespace dbproxy
