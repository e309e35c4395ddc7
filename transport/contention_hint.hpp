// The advice that all instances of a database share: are writers contending at
// the moment? A direct writer asks before it takes the lock.
#pragma once

#include "messages/errors.hpp"
#include "transport/instance_directory.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace dbproxy {

/// A time stamp in the file `hint` of the instance directory, mapped by every
/// instance: "contended until T" on CLOCK_MONOTONIC, which all processes of a
/// machine share. Only advice: lost, stale or wrong, it makes writes slower,
/// never wrong. Any thread.
class contention_hint {
public:
  /// How long writers stay away from the lock after they met.
  static constexpr std::chrono::milliseconds validity{50};

  /// Maps the file, creating it (mode 0600) where it is missing. INTERNAL
  /// where that fails.
  static result<std::shared_ptr<contention_hint>>
  open(const instance_directory& directory);

  contention_hint(const contention_hint&) = delete;
  contention_hint& operator=(const contention_hint&) = delete;
  ~contention_hint();

  /// Writers met just now.
  void mark() noexcept;

  /// True while the latest mark is valid. A stamp further ahead than any mark
  /// could be is no mark.
  bool contended() const noexcept;

private:
  using stamp = std::atomic<std::int64_t>;
  static_assert(stamp::is_always_lock_free, "shared between processes");

  explicit contention_hint(stamp* mapped) : until_ns_(mapped) {}

  stamp* until_ns_;
};

} // namespace dbproxy
