// The elector: watches who is primary and tells everybody in the instance when
// that changes. The kernel lock is the truth, the file's text the address; the
// end of the primary's process and its events only say when to look.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/roster.hpp"
#include "actors/standing.hpp"
#include "messages/limits.hpp"
#include "transport/instance_directory.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace dbproxy {

/// The time between two looks at the lock while the primary is known.
inline constexpr std::chrono::milliseconds lock_watch_interval{100};
/// The same while there is none, for a while; somebody is becoming it.
inline constexpr std::chrono::milliseconds lock_search_interval{3};
inline constexpr std::chrono::milliseconds lock_search_time{2000};

struct elector_options {
  instance_directory directory;
  roster_ptr colleagues;
  std::shared_ptr<standing> where_we_stand;
  std::chrono::milliseconds silence_max = limits::silence_max;
  /// Called, on the elector's thread, when nobody holds the lock; empty in an
  /// instance that is not to be primary.
  std::function<void()> claim = {};
};

class elector_state {
public:
  static inline const char* name = "elector";

  using pointer = elector_actor::stateful_pointer<elector_state>;

  void start(pointer self, elector_options options);
  void look();
  void hear(const primary_sign& sign);
  void tick();

private:
  using clock = std::chrono::steady_clock;

  void tell(std::optional<primary_record> primary, bool silent);
  void search();

  pointer self_ = nullptr;
  std::optional<elector_options> options_;
  std::optional<primary_record> primary_;
  bool told_ = false;
  bool silent_ = false;
  bool searching_ = false;
  clock::time_point heard_{};
  clock::time_point searched_since_{};
};

elector_actor::behavior_type
elector(elector_state::pointer self, elector_options options);

} // namespace dbproxy
