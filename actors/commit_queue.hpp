// What waits to be committed on the primary: the coordinator puts it in order,
// and the writer takes whatever is there the moment that it is free.
#pragma once

#include "actors/fair_share.hpp"
#include "actors/metrics.hpp"
#include "storage/transaction.hpp"
#include "transport/contention_hint.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

/// A write in hand and everybody who waits for it.
struct queued_write {
  using time_point = std::chrono::steady_clock::time_point;

  write_ptr write;
  time_point deadline; ///< see commit_queue::extend
  time_point admitted_at;

  // The coordinator's thread alone:
  std::vector<caf::typed_response_promise<written>> waiters;
  /// A writer failed with it: it may be in the journal.
  bool uncertain = false;
};

using queued_write_ptr = std::shared_ptr<queued_write>;

/// What the writer is to commit as one transaction.
struct queued_batch {
  std::vector<batch_entry> entries;
  /// The earliest deadline among them.
  std::chrono::steady_clock::time_point deadline;
};

/// Any thread.
class commit_queue {
public:
  using time_point = queued_write::time_point;

  /// `figures` is told how long each write was queued; `hint`, if there is
  /// one, when writes of more than one source met.
  commit_queue(
    std::shared_ptr<metrics> figures, std::shared_ptr<contention_hint> hint);

  // -- for the coordinator ---------------------------------------------------

  /// False when limits::queued_writes_max are queued.
  bool push(queued_write_ptr item);

  /// Lets a write wait until `deadline` if that is later.
  void extend(queued_write& item, time_point deadline);

  /// Removes and returns what is queued past its deadline.
  std::vector<queued_write_ptr> remove_late(time_point now);

  /// What the writer has, and should have been done with before `then`.
  std::vector<queued_write_ptr> overdue(time_point then) const;

  /// The batch that was taken first and is done.
  std::vector<queued_write_ptr> pop_taken();

  /// The writer failed: what it had is queued again, where it was before.
  /// Those without a request id, which the journal cannot know, are returned
  /// instead.
  std::vector<queued_write_ptr> recover();

  /// Everything, for the way out: what was taken, then what was queued.
  std::pair<std::vector<queued_write_ptr>, std::vector<queued_write_ptr>>
  clear();

  /// Somebody committed beside the queue.
  void note_direct(const std::string& source);

  std::size_t queued() const;
  std::size_t taken() const;

  /// When there is something for the writer to take: at once, in a moment
  /// where all that is queued is held back (see `take`), or never.
  std::optional<time_point> ready_at(time_point now);

  // -- for the writer --------------------------------------------------------

  /// Everything queued, up to limits::batch_rows_max and batch_bytes_max. What
  /// those wrote who are ahead of the others is left for the next batch, unless
  /// this one would be less than half. Where it is all that is queued, it is
  /// held back for hold_max at most, as the others may be about to write.
  queued_batch take();

  static constexpr std::chrono::milliseconds hold_max{1};

  /// The batch that was taken last was not begun: it is queued again, first.
  void put_back();

private:
  std::size_t count_ahead() const;
  bool is_held(std::size_t ahead, time_point now);
  std::size_t order_fairly(time_point now);
  void note_contention(const std::vector<queued_write_ptr>& batch);
  void note_latest(const std::string& source);
  void queue_again(const std::vector<queued_write_ptr>& batch);

  std::shared_ptr<metrics> figures_;
  std::shared_ptr<contention_hint> hint_;

  mutable std::mutex mutex_;
  std::deque<queued_write_ptr> queue_;
  /// Batches that the writer has or has just been done with, oldest first.
  std::deque<std::vector<queued_write_ptr>> taken_;
  fair_share shares_;
  std::optional<time_point> held_until_; ///< since nothing else was queued
  time_point last_batch_at_{};
  std::string last_source_; ///< of the last write of the last batch
};

} // namespace dbproxy
