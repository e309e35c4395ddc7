// The way of an instance's writes, always in the order in which they were asked
// for: directly while nobody contends, and as soon as somebody does through the
// primary, there to its coordinator. It changes with the role, and nobody who
// waits is told. No actor of its own: the proxy drives it.
#pragma once

#include "actors/message_types.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace dbproxy {

/// What the route needs of its surroundings. Callbacks come later, never from
/// within the call.
struct write_ports {
  /// Runs a batch on the instance's own connection. An error where the writer
  /// failed without saying how far it came: unless it is not_applied, it is
  /// open what became of the batch.
  std::function<void(write_batch, std::function<void(result<batch_result>)>)>
    execute;
  /// Has the instance's own coordinator run a write; UNREACHABLE where it
  /// stopped or failed.
  std::function<void(submission, std::function<void(result<written>)>)> submit;
  /// Has the primary run a write; UNREACHABLE where there is none, or none any
  /// more.
  std::function<void(forward_command, std::function<void(result<written>)>)>
    forward;
  /// Calls a function in a moment (20 ms).
  std::function<void(std::function<void()>)> later;
  /// True while this instance has a coordinator.
  std::function<bool()> is_primary;
  /// The epoch in which it is primary; none where it is not known.
  std::function<std::optional<std::int64_t>()> epoch;
  /// Tells the primary what was committed directly.
  std::function<void(committed_notice)> announce;
  /// This many writes take a second way.
  std::function<void(std::size_t)> retried;
  /// True while a primary is known.
  std::function<bool()> primary_known;
  /// The advice of all instances: contended at the moment?
  std::function<bool()> contended;
  /// Tells all instances that writers met.
  std::function<void()> mark_contended;
};

/// From when on no other copy of a write can be executed any more, so that its
/// journal entry may go.
enum class settled_from {
  unrecorded, ///< it has none
  answer,     ///< there is no other copy
  deadline,   ///< a primary that does not answer may have one
};

/// One thread: the proxy's handlers.
class write_path {
public:
  using done = std::function<void(result<written>, write_route, settled_from)>;

  /// A write is given up, with the error, when the writer threw in so many
  /// batches with it: it may be what makes it throw.
  static constexpr int interruptions_max = 3;

  /// What the writer has gets this much longer than its deadline, to be told
  /// for certain what became of it.
  static constexpr std::chrono::milliseconds execution_grace{100};

  explicit write_path(write_ports ports) : ports_(std::move(ports)) {}

  /// Starts a write. `journaled` for a write whose caller chose the request
  /// id. `finished` is called once, at the latest soon after the deadline.
  /// BUSY at once when limits::instance_writes_max are waiting.
  void
  submit(write_ptr write, time_point deadline, bool journaled, done finished);

  /// The role or the primary changed.
  void resume() { pump(); }

  /// Writes that are not answered yet.
  std::size_t open() const noexcept {
    return waiting_.size() + executing_.size() + forwarded_.size();
  }

  /// Answers every write; for the way out.
  void abandon(const write_error& error);

private:
  using ticket = std::uint64_t;

  struct job {
    write_ptr write;
    time_point deadline;
    bool journaled = false;
    bool was_sent = false; ///< somebody may have committed it
    int interruptions = 0; ///< batches with it that the writer threw in
    done finished;         ///< empty when it was called

    bool is_finished() const noexcept { return !finished; }
    void finish(result<written> outcome, write_route route, settled_from when);
  };

  void pump();
  void take_way();
  bool goes_directly() const;
  void execute_waiting();
  void forward_waiting();
  void on_batch(batch_result outcome);
  void on_interrupted(const batch_result& outcome);
  void on_writer_failed(const write_error& error);
  void on_lock_not_had();
  void pause();
  void look_again();
  void on_forwarded(ticket number, result<written> outcome);
  void fail_late();
  void fail_overdue();
  void announce(const batch_result& outcome);

  write_ports ports_;
  ticket next_ticket_ = 0;
  /// Ordered by ticket, so that what comes back keeps its place.
  std::map<ticket, job> waiting_;
  std::map<ticket, job> executing_;
  std::map<ticket, job> forwarded_;
  bool forwarded_locally_ = false; ///< to our own coordinator
  bool executing_locally_ = false; ///< as the primary
  bool paused_ = false;
  bool looks_again_ = false; ///< in a moment
  /// The lock was not free and nobody else could take the writes.
  bool wait_for_lock_ = false;
};

} // namespace dbproxy
