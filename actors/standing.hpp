// The role of an instance and who is primary, for threads that ask or wait.
#pragma once

#include "actors/role.hpp"
#include "transport/leader_lock.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace dbproxy {

/// Any thread.
class standing {
public:
  void set_role(instance_role role) {
    std::lock_guard guard{mutex_};
    role_ = role;
  }

  instance_role role() const {
    std::lock_guard guard{mutex_};
    return role_;
  }

  void set_primary(std::optional<primary_record> primary) {
    {
      std::lock_guard guard{mutex_};
      primary_ = std::move(primary);
    }
    changed_.notify_all();
  }

  std::optional<primary_record> primary() const {
    std::lock_guard guard{mutex_};
    return primary_;
  }

  /// False if no primary becomes known within `timeout`.
  bool wait_for_primary(std::chrono::milliseconds timeout) const {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(
      guard, timeout, [&] { return primary_.has_value(); });
  }

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  instance_role role_ = instance_role::standalone;
  std::optional<primary_record> primary_;
};

} // namespace dbproxy
