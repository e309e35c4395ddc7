#include "actors/coordinator.hpp"

#include "actors/errors.hpp"
#include "actors/last_words.hpp"
#include "actors/publisher.hpp"
#include "messages/fault_point.hpp"
#include "messages/limits.hpp"

#include <cassert>
#include <utility>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// While something waits, deadlines are looked at this often.
constexpr auto tick_interval = 20ms;
// A batch that is with the writer gets this much longer than its deadline to
// say for certain what became of a write.
constexpr auto execution_grace = 100ms;
// One that runs and one that is next, so that the writer goes on with what is
// queued by then without waiting for the coordinator.
constexpr std::size_t commits_max = 2;
// A checkpoint gives up its turn when the write lock is not free this long.
constexpr auto checkpoint_lock_wait = 50ms;
// With nothing to do for so long, the primary makes the checkpoint that would
// otherwise be due later.
constexpr auto checkpoint_idle_min = 20ms;

write_error refused(error_code code, std::string text, const std::string& m) {
  return make_error(code, std::move(text), m);
}

} // namespace

write_error coordinator_state::late_error(const queued_write& item) {
  auto error = refused(
    error_code::busy, "the write lock was not free within the deadline",
    item.write->method);
  if (item.uncertain)
    error.outcome = write_outcome::unknown;
  return error;
}

void coordinator_state::start(pointer self, coordinator_parts parts) {
  self_ = self;
  parts_ = std::move(parts);
  queue_ = std::make_shared<commit_queue>(parts_.figures, parts_.hint);
  if (parts_.sync == sync_mode::full)
    checkpoints_ = checkpoint_schedule{limits::synced_wal_checkpoint_pages};
}

caf::result<written> coordinator_state::admit(const submission& request) {
  const auto& write = *request.write;
  fault_point("coordinator.admit");
  if (draining_)
    return to_caf(refused(
      error_code::unavailable, "the primary is handing over", write.method));
  auto resend = find_resend(write);
  if (!resend)
    return to_caf(resend.error());
  auto waiter = self_->make_response_promise<written>();
  if (*resend != nullptr) {
    queue_->extend(**resend, request.deadline);
    (*resend)->waiters.push_back(waiter);
    return waiter;
  }
  auto item = std::make_shared<queued_write>(
    queued_write{request.write, request.deadline, clock::now(), {waiter}});
  if (!queue_->push(item)) {
    waiter.deliver(to_caf(refused(
      error_code::busy,
      "queued_writes_max = " + std::to_string(limits::queued_writes_max)
        + " writes are queued on the primary",
      write.method)));
    return waiter;
  }
  if (write.request_id)
    by_request_id_.emplace(*write.request_id, std::move(item));
  arm_tick();
  pump_soon();
  return waiter;
}

result<queued_write_ptr>
coordinator_state::find_resend(const prepared_write& write) const {
  if (!write.request_id)
    return queued_write_ptr{};
  auto found = by_request_id_.find(*write.request_id);
  if (found == by_request_id_.end())
    return queued_write_ptr{};
  const auto& first = *found->second->write;
  if (first.method == write.method && first.fingerprint == write.fingerprint)
    return found->second;
  return refused(
    error_code::conflict,
    "request_id \"" + *write.request_id + "\" is in use for a different write",
    write.method);
}

// After what is in the mailbox already: writes that came together go together.
void coordinator_state::pump_soon() {
  if (commits_ == commits_max || pump_is_near_)
    return;
  if (self_->mailbox().empty())
    return pump();
  pump_is_near_ = true;
  self_->send(self_, pump_command{});
}

void coordinator_state::pump(const pump_command& command) {
  (command.timed ? pump_is_armed_ : pump_is_near_) = false;
  pump();
}

void coordinator_state::pump() {
  if (stalled_ || commits_ == commits_max)
    return;
  auto now = clock::now();
  auto ready_at = queue_->ready_at(now);
  if (!ready_at)
    return;
  if (*ready_at > now)
    return pump_at(*ready_at);
  auto writer = parts_.colleagues->get<writer_actor>();
  if (!writer)
    return stall();
  ++commits_;
  self_->request(writer, caf::infinite, commit_command{queue_, parts_.epoch})
    .then(
      [this, open = parts_.at_writer.add()](batch_result& outcome) {
        --commits_;
        finish(outcome);
      },
      [this, which = writer_](const caf::error& error) {
        if (which == writer_)
          writer_failed(from_caf(error));
      });
}

// Unless something comes before that which need not wait.
void coordinator_state::pump_at(time_point when) {
  if (std::exchange(pump_is_armed_, true))
    return;
  self_->delayed_send(self_, when - clock::now(), pump_command{true});
}

// Nobody is there to execute: everything waits for a tick.
void coordinator_state::stall() {
  stalled_ = true;
  arm_tick();
}

// What the writer had in hand may be committed or not. The journal knows of
// all that have a request id: the next writer will find out.
void coordinator_state::writer_failed(const write_error& error) {
  ++writer_;
  commits_ = 0;
  for (const auto& item : queue_->recover())
    settle(*item, error);
  stall();
  finish_draining();
}

void coordinator_state::finish(batch_result& outcome) {
  fault_point("coordinator.finish");
  if (outcome.outcome == batch_result::status::lock_not_had) {
    fail_late();
  } else if (!outcome.results.empty()) {
    ++figures_.batches;
    auto batch = queue_->pop_taken();
    assert(batch.size() == outcome.results.size());
    announce(batch, outcome);
    for (std::size_t i = 0; i < batch.size(); ++i)
      settle(*batch[i], std::move(outcome.results[i]));
    // Only now: the exit that may follow finds the answers before it.
    if (outcome.outcome == batch_result::status::fenced && parts_.on_fenced)
      parts_.on_fenced();
    if (outcome.wal_pages > 0)
      note_wal(outcome.wal_pages);
  }
  pump();
  finish_draining();
}

void coordinator_state::fail_late() {
  for (const auto& item : queue_->remove_late(clock::now()))
    settle(*item, late_error(*item));
}

void coordinator_state::settle(queued_write& item, result<written> outcome) {
  if (item.write->request_id)
    by_request_id_.erase(*item.write->request_id);
  if (outcome) {
    ++figures_.writes;
    if (outcome->replayed)
      ++figures_.replayed;
  }
  for (auto& waiter : std::exchange(item.waiters, {})) {
    if (outcome) {
      waiter.deliver(*outcome);
    } else {
      auto error = outcome.error();
      error.method = item.write->method;
      waiter.deliver(to_caf(std::move(error)));
    }
  }
}

void coordinator_state::announce(
  const std::vector<queued_write_ptr>& batch, const batch_result& outcome) {
  auto publisher = parts_.colleagues->get<publisher_actor>();
  if (!publisher)
    return;
  announcements out;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto& done = outcome.results[i];
    const auto& write = *batch[i]->write;
    if (done && !done->replayed && !write.topic.empty())
      out.changes.push_back(announcement_of(write));
  }
  if (!out.changes.empty())
    self_->send(publisher, std::move(out));
}

void coordinator_state::note_report(const wal_report& report) {
  if (!report.source.empty())
    queue_->note_direct(report.source);
  note_wal(report.pages);
}

void coordinator_state::note_wal(std::int64_t pages) {
  checkpoints_.note_wal(pages);
  if (checkpoints_.is_urgent() && parts_.hint)
    parts_.hint->mark();
  if (checkpoints_.is_due()) {
    checkpoint();
  } else if (checkpoints_.is_worthwhile()) {
    idle_since_ = clock::now();
    arm_tick();
  }
}

void coordinator_state::checkpoint() {
  auto writer = parts_.colleagues->get<writer_actor>();
  if (!writer)
    return;
  checkpoints_.begin();
  self_
    ->request(writer, caf::infinite, checkpoint_command{checkpoint_lock_wait})
    .then(
      [this](const checkpoint_report& report) { checkpoints_.end(report); },
      [this](const caf::error&) { checkpoints_.end({}); });
}

bool coordinator_state::is_idle() const {
  return queue_->queued() == 0 && queue_->taken() == 0;
}

void coordinator_state::arm_tick() {
  if (tick_armed_)
    return;
  tick_armed_ = true;
  self_->delayed_send(self_, tick_interval, caf::tick_atom::value);
}

void coordinator_state::tick() {
  tick_armed_ = false;
  stalled_ = false;
  auto now = clock::now();
  fail_late();
  for (const auto& item : queue_->overdue(now - execution_grace)) {
    auto error = refused(
      error_code::timeout, "the commit took longer than the deadline",
      item->write->method);
    error.outcome = write_outcome::unknown;
    for (auto& waiter : std::exchange(item->waiters, {}))
      waiter.deliver(to_caf(error));
  }
  pump();
  auto idle = is_idle() && checkpoints_.is_worthwhile();
  if (idle && now - idle_since_ >= checkpoint_idle_min)
    checkpoint();
  else if (idle || !is_idle())
    arm_tick();
  finish_draining();
}

caf::result<void> coordinator_state::drain() {
  draining_ = true;
  auto done = self_->make_response_promise<void>();
  drainers_.push_back(done);
  finish_draining();
  return done;
}

void coordinator_state::finish_draining() {
  if (!draining_ || !is_idle())
    return;
  for (auto& waiter : std::exchange(drainers_, {}))
    deliver_done(waiter);
}

coordinator_figures coordinator_state::figures() const {
  auto out = figures_;
  out.queued = static_cast<std::int64_t>(queue_->queued());
  out.executing = static_cast<std::int64_t>(queue_->taken());
  out.checkpoint_blocked = checkpoints_.is_blocked();
  return out;
}

void coordinator_state::abandon(const write_error& error) {
  auto unknown = error;
  unknown.outcome = write_outcome::unknown;
  auto [begun, waiting] = queue_->clear();
  for (const auto& item : begun)
    settle(*item, unknown);
  for (const auto& item : waiting)
    settle(*item, item->uncertain ? unknown : error);
  for (auto& waiter : std::exchange(drainers_, {}))
    waiter.deliver(to_caf(error));
}

coordinator_actor::behavior_type
coordinator(coordinator_state::pointer self, coordinator_parts parts) {
  self->state.start(self, std::move(parts));
  set_last_words(self, "coordinator", [self](const write_error& error) {
    self->state.abandon(error);
  });
  return {
    [self](const submission& request) { return self->state.admit(request); },
    [self](const pump_command& command) { self->state.pump(command); },
    [self](const wal_report& report) { self->state.note_report(report); },
    [self](const drain_command&) { return self->state.drain(); },
    [self](const figures_query&) { return self->state.figures(); },
    [self](caf::tick_atom) { self->state.tick(); },
  };
}

} // namespace dbproxy
