// The way of a secondary's writes: directly while nobody contends, through the
// primary as soon as somebody does, always in the order in which they were
// asked for. No actor of its own: the proxy drives it.
#pragma once

#include "actors/message_types.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace dbproxy {

/// What the route needs of its surroundings. Callbacks come later, never from
/// within the call.
struct route_ports {
  /// Runs a batch on the instance's own connection.
  std::function<void(write_batch, std::function<void(batch_result)>)> execute;
  /// Has the primary run a write.
  std::function<void(forward_command, std::function<void(result<written>)>)>
    forward;
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

/// One thread: the proxy's handlers.
class secondary_route {
public:
  using done = std::function<void(result<written>, write_route)>;

  explicit secondary_route(route_ports ports) : ports_(std::move(ports)) {}

  /// Starts a write. `journaled` for a write whose caller chose the request
  /// id. `finished` is called once, at the latest soon after the deadline.
  /// BUSY at once when limits::instance_writes_max are waiting.
  void
  submit(write_ptr write, time_point deadline, bool journaled, done finished);

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
    bool was_sent = false; ///< a primary may have committed it
    done finished;
  };

  void pump();
  void execute_waiting();
  void forward_waiting();
  void on_batch(batch_result outcome);
  void on_lock_not_had();
  void on_forwarded(ticket number, result<written> outcome);
  void fail_late();
  void announce(const batch_result& outcome);

  route_ports ports_;
  ticket next_ticket_ = 0;
  /// Ordered by ticket, so that what comes back keeps its place.
  std::map<ticket, job> waiting_;
  std::map<ticket, job> executing_;
  std::map<ticket, job> forwarded_;
  /// The lock was not free and nobody else could take the writes.
  bool wait_for_lock_ = false;
};

} // namespace dbproxy
