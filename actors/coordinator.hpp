// The coordinator: admits writes, recognises resends, and hands the writer
// everything queued whenever it is idle. The one place of order.
#pragma once

#include "actors/checkpoint_schedule.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/roster.hpp"
#include "transport/contention_hint.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace dbproxy {

/// What the coordinator works with.
struct coordinator_parts {
  /// Has the writer and the publisher, if there is one.
  roster_ptr colleagues;
  std::shared_ptr<metrics> figures;
  /// Told when writes of more than one source met; may be null.
  std::shared_ptr<contention_hint> hint = {};
  /// Batches are committed in this epoch alone; none without networking.
  std::optional<std::int64_t> epoch = {};
  /// Called when the database is in another epoch.
  std::function<void()> on_fenced = {};
};

class coordinator_state {
public:
  static inline const char* name = "coordinator";

  using pointer = coordinator_actor::stateful_pointer<coordinator_state>;
  using promise = caf::typed_response_promise<written>;

  void start(pointer self, coordinator_parts parts);
  caf::result<written> admit(const submission& request);
  void note_wal(std::int64_t pages);
  caf::result<void> drain();
  coordinator_figures figures() const;
  /// Answers what is past its deadline, and goes on where it stalled.
  void tick();
  /// Answers every open promise; for the way out.
  void abandon(const write_error& error);

private:
  /// A write in hand and everybody who waits for it.
  struct entry {
    write_ptr write;
    time_point deadline;
    time_point admitted_at;
    std::vector<promise> waiters;
    /// A writer failed with it: it may be in the journal.
    bool uncertain = false;
  };
  using entry_ptr = std::shared_ptr<entry>;

  result<entry_ptr> find_resend(const prepared_write& write) const;
  void pump();
  void finish(batch_result& outcome);
  void requeue();
  void stall();
  void writer_failed(const write_error& error);
  static write_error late_error(const entry& item);
  void settle(const entry_ptr& item, result<written> outcome);
  void announce(const batch_result& outcome);
  void checkpoint();
  bool is_idle() const noexcept { return queue_.empty() && executing_.empty(); }
  void note_contention(time_point now);
  void arm_tick();
  void finish_draining();

  pointer self_ = nullptr;
  coordinator_parts parts_;
  std::deque<entry_ptr> queue_;
  std::vector<entry_ptr> executing_;
  std::unordered_map<std::string, entry_ptr> by_request_id_;
  std::vector<caf::typed_response_promise<void>> drainers_;
  bool draining_ = false;
  bool stalled_ = false; ///< until the next tick, for there was no writer
  bool tick_armed_ = false;
  checkpoint_schedule checkpoints_;
  time_point idle_since_{};
  time_point last_batch_at_{};
  std::string last_source_; ///< of the last write of the last batch
  coordinator_figures figures_;
};

coordinator_actor::behavior_type
coordinator(coordinator_state::pointer self, coordinator_parts parts);

} // namespace dbproxy
