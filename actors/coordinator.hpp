// The coordinator: admits writes, recognises resends, and hands the writer
// everything queued whenever it is idle. The one place of order.
#pragma once

#include "actors/checkpoint_schedule.hpp"
#include "actors/commit_queue.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/open_batches.hpp"
#include "actors/roster.hpp"
#include "transport/contention_hint.hpp"

#include <chrono>
#include <cstdint>
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
  /// How commits are synced, which says how often a checkpoint is due.
  sync_mode sync = sync_mode::normal;
  /// What it asks the writer for.
  open_batches at_writer = {};
};

class coordinator_state {
public:
  static inline const char* name = "coordinator";

  using pointer = coordinator_actor::stateful_pointer<coordinator_state>;
  using promise = caf::typed_response_promise<written>;

  void start(pointer self, coordinator_parts parts);
  void pump();
  void pump(const pump_command& command);
  caf::result<written> admit(const submission& request);
  void note_report(const wal_report& report);
  caf::result<void> drain();
  coordinator_figures figures() const;
  /// Answers what is past its deadline, and goes on where it stalled.
  void tick();
  /// Answers every open promise; for the way out.
  void abandon(const write_error& error);

private:
  result<queued_write_ptr> find_resend(const prepared_write& write) const;
  void note_wal(std::int64_t pages);
  void pump_soon();
  void pump_at(time_point when);
  void finish(batch_result& outcome);
  void writer_failed(const write_error& error);
  void stall();
  void fail_late();
  static write_error late_error(const queued_write& item);
  void settle(queued_write& item, result<written> outcome);
  void announce(
    const std::vector<queued_write_ptr>& batch, const batch_result& outcome);
  void checkpoint();
  bool is_idle() const;
  void arm_tick();
  void finish_draining();

  pointer self_ = nullptr;
  coordinator_parts parts_;
  std::shared_ptr<commit_queue> queue_;
  std::unordered_map<std::string, queued_write_ptr> by_request_id_;
  std::vector<caf::typed_response_promise<void>> drainers_;
  std::size_t commits_ = 0;  ///< asked for and not answered
  std::uint64_t writer_ = 0; ///< grows with each writer that failed
  bool draining_ = false;
  bool pump_is_near_ = false;  ///< its message is in the mailbox
  bool pump_is_armed_ = false; ///< the clock will send one
  bool stalled_ = false;       ///< until the next tick, for there was no writer
  bool tick_armed_ = false;
  checkpoint_schedule checkpoints_;
  time_point idle_since_{};
  coordinator_figures figures_;
};

coordinator_actor::behavior_type
coordinator(coordinator_state::pointer self, coordinator_parts parts);

} // namespace dbproxy
