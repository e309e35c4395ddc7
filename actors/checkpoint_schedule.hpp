// When the primary makes a checkpoint: when idle first, by bound second.
#pragma once

#include "messages/limits.hpp"

#include <algorithm>
#include <cstdint>

namespace dbproxy {

/// What a checkpoint came to; see storage/checkpoint.hpp.
struct checkpoint_report {
  bool had_lock = false; ///< else nothing was done
  bool complete = false; ///< else readers need what is left in the WAL
};

/// One thread. Lengths are in pages of the WAL.
class checkpoint_schedule {
public:
  /// `due_at` pages since the latest one it is time for the next.
  explicit checkpoint_schedule(
    std::int64_t due_at = limits::wal_checkpoint_pages) noexcept
    : due_at_(due_at) {}

  /// The WAL has this length now.
  void note_wal(std::int64_t pages) noexcept {
    pages_ = pages;
    // It has begun anew.
    if (pages_ < kept_)
      kept_ = 0;
  }

  /// True where it is time for one, however busy the primary is.
  bool is_due() const noexcept { return !running_ && growth() >= due_at_; }

  /// True where one is worth an idle moment.
  bool is_worthwhile() const noexcept {
    return !running_ && growth() >= limits::wal_idle_checkpoint_pages;
  }

  /// True where direct writers have kept the lock from the checkpoints for so
  /// long that they should go through the primary.
  bool is_urgent() const noexcept {
    return growth() >= limits::wal_urgent_pages;
  }

  /// The latest one could not copy everything.
  bool is_blocked() const noexcept { return blocked_; }

  void begin() noexcept {
    running_ = true;
    begun_at_ = pages_;
  }

  /// Without the lock it is due again at once. What readers keep in the WAL is
  /// due when the WAL has grown by as much again, not after each batch.
  void end(const checkpoint_report& report) noexcept {
    running_ = false;
    if (!report.had_lock)
      return;
    kept_ = std::min(begun_at_, pages_);
    blocked_ = !report.complete;
  }

private:
  std::int64_t growth() const noexcept { return pages_ - kept_; }

  std::int64_t due_at_;
  std::int64_t pages_ = 0;
  std::int64_t kept_ = 0; ///< of the WAL, at the latest checkpoint
  std::int64_t begun_at_ = 0;
  bool running_ = false;
  bool blocked_ = false;
};

} // namespace dbproxy
