#include "actors/coordinator.hpp"

#include "actors/errors.hpp"
#include "actors/last_words.hpp"
#include "actors/publisher.hpp"
#include "messages/fault_point.hpp"
#include "messages/limits.hpp"

#include <algorithm>
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
// A checkpoint gives up its turn when the write lock is not free this long.
constexpr auto checkpoint_lock_wait = 50ms;
// With nothing to do for so long, the primary makes the checkpoint that would
// otherwise be due later.
constexpr auto checkpoint_idle_min = 20ms;

write_error refused(error_code code, std::string text, const std::string& m) {
  return make_error(code, std::move(text), m);
}

} // namespace

write_error coordinator_state::late_error(const entry& item) {
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
    (*resend)->deadline = std::max((*resend)->deadline, request.deadline);
    (*resend)->waiters.push_back(waiter);
    return waiter;
  }
  if (queue_.size() >= limits::queued_writes_max) {
    waiter.deliver(to_caf(refused(
      error_code::busy,
      "queued_writes_max = " + std::to_string(limits::queued_writes_max)
        + " writes are queued on the primary",
      write.method)));
    return waiter;
  }
  auto item =
    std::make_shared<entry>(
      entry{request.write, request.deadline, clock::now(), {waiter}});
  if (write.request_id)
    by_request_id_.emplace(*write.request_id, item);
  queue_.push_back(std::move(item));
  arm_tick();
  pump();
  return waiter;
}

result<coordinator_state::entry_ptr>
coordinator_state::find_resend(const prepared_write& write) const {
  if (!write.request_id)
    return entry_ptr{};
  auto found = by_request_id_.find(*write.request_id);
  if (found == by_request_id_.end())
    return entry_ptr{};
  const auto& first = *found->second->write;
  if (first.method == write.method && first.fingerprint == write.fingerprint)
    return found->second;
  return refused(
    error_code::conflict,
    "request_id \"" + *write.request_id + "\" is in use for a different write",
    write.method);
}

void coordinator_state::pump() {
  if (stalled_ || !executing_.empty() || queue_.empty())
    return;
  write_batch batch;
  auto bytes = std::size_t{0};
  auto deadline = queue_.front()->deadline;
  while (!queue_.empty() && executing_.size() < limits::batch_rows_max) {
    auto& next = queue_.front();
    bytes += next->write->bytes;
    if (bytes > limits::batch_bytes_max && !executing_.empty())
      break;
    deadline = std::min(deadline, next->deadline);
    batch.entries.push_back(
      {next->write, next->write->request_id.has_value(), next->deadline});
    executing_.push_back(std::move(next));
    queue_.pop_front();
  }
  auto now = clock::now();
  for (const auto& item : executing_)
    parts_.figures->record_stage(write_stage::queued, now - item->admitted_at);
  batch.lock_deadline = deadline;
  batch.epoch = parts_.epoch;
  note_contention(now);
  auto writer = parts_.colleagues->get<writer_actor>();
  if (!writer) {
    stall();
    return;
  }
  self_->request(writer, caf::infinite, std::move(batch))
    .then(
      [this](batch_result& outcome) { finish(outcome); },
      [this](const caf::error& error) { writer_failed(from_caf(error)); });
}

// Nobody is there to execute: everything back to its place, until a tick.
void coordinator_state::stall() {
  stalled_ = true;
  auto waiting = std::exchange(executing_, {});
  queue_.insert(queue_.begin(), waiting.begin(), waiting.end());
}

// What the writer had in hand may be committed or not. The journal knows of
// all that have a request id: the next writer will find out.
void coordinator_state::writer_failed(const write_error& error) {
  for (auto& item : executing_)
    item->uncertain = true;
  auto lost = std::stable_partition(
    executing_.begin(), executing_.end(),
    [](const entry_ptr& item) { return item->write->request_id.has_value(); });
  for (auto at = lost; at != executing_.end(); ++at)
    settle(*at, error);
  executing_.erase(lost, executing_.end());
  stall();
  finish_draining();
}

void coordinator_state::finish(batch_result& outcome) {
  fault_point("coordinator.finish");
  if (outcome.outcome == batch_result::status::lock_not_had) {
    requeue();
  } else {
    ++figures_.batches;
    announce(outcome);
    auto done = std::exchange(executing_, {});
    for (std::size_t i = 0; i < done.size(); ++i)
      settle(done[i], std::move(outcome.results[i]));
    // After the answers, so that whoever carries them has them before it is
    // told to stop.
    if (outcome.outcome == batch_result::status::fenced && parts_.on_fenced)
      parts_.on_fenced();
    if (outcome.wal_pages > 0)
      note_wal(outcome.wal_pages);
  }
  pump();
  finish_draining();
}

// The lock was not had by the earliest deadline: that write is answered, and
// the others go back to the head of the queue.
void coordinator_state::requeue() {
  auto now = clock::now();
  auto waiting = std::exchange(executing_, {});
  for (std::size_t i = waiting.size(); i-- > 0;) {
    if (waiting[i]->deadline > now)
      queue_.push_front(std::move(waiting[i]));
    else
      settle(waiting[i], late_error(*waiting[i]));
  }
}

void coordinator_state::settle(const entry_ptr& item, result<written> outcome) {
  if (item->write->request_id)
    by_request_id_.erase(*item->write->request_id);
  if (outcome) {
    ++figures_.writes;
    if (outcome->replayed)
      ++figures_.replayed;
  }
  for (auto& waiter : std::exchange(item->waiters, {})) {
    if (outcome) {
      waiter.deliver(*outcome);
    } else {
      auto error = outcome.error();
      error.method = item->write->method;
      waiter.deliver(to_caf(std::move(error)));
    }
  }
}

void coordinator_state::announce(const batch_result& outcome) {
  auto publisher = parts_.colleagues->get<publisher_actor>();
  if (!publisher)
    return;
  announcements out;
  for (std::size_t i = 0; i < executing_.size(); ++i) {
    const auto& done = outcome.results[i];
    const auto& write = *executing_[i]->write;
    if (done && !done->replayed && !write.topic.empty())
      out.changes.push_back(announcement_of(write));
  }
  if (!out.changes.empty())
    self_->send(publisher, std::move(out));
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
  self_->request(writer, caf::infinite, checkpoint_command{checkpoint_lock_wait})
    .then(
      [this](const checkpoint_report& report) { checkpoints_.end(report); },
      [this](const caf::error&) { checkpoints_.end({}); });
}

// Writers contend where a batch, or it and the one shortly before it, are of
// more than one source.
void coordinator_state::note_contention(time_point now) {
  if (!parts_.hint)
    return;
  const auto& latest = executing_.back()->write->source_instance_id;
  auto differs = [&](const entry_ptr& item) {
    return item->write->source_instance_id != latest;
  };
  auto met = std::any_of(executing_.begin(), executing_.end(), differs);
  auto recently = now - last_batch_at_ < contention_hint::validity;
  if (met || (recently && last_source_ != latest))
    parts_.hint->mark();
  last_batch_at_ = now;
  if (last_source_ != latest)
    last_source_ = latest;
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
  auto late = [&](const entry_ptr& item) { return item->deadline <= now; };
  for (auto& item : queue_)
    if (late(item))
      settle(item, late_error(*item));
  std::erase_if(queue_, late);
  for (auto& item : executing_) {
    if (item->deadline + execution_grace > now)
      continue;
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
  out.queued = static_cast<std::int64_t>(queue_.size());
  out.executing = static_cast<std::int64_t>(executing_.size());
  out.checkpoint_blocked = checkpoints_.is_blocked();
  return out;
}

void coordinator_state::abandon(const write_error& error) {
  auto unknown = error;
  unknown.outcome = write_outcome::unknown;
  for (auto& item : std::exchange(executing_, {}))
    settle(item, unknown);
  for (auto& item : std::exchange(queue_, {}))
    settle(item, item->uncertain ? unknown : error);
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
    [self](const wal_report& report) { self->state.note_wal(report.pages); },
    [self](const drain_command&) { return self->state.drain(); },
    [self](const figures_query&) { return self->state.figures(); },
    [self](caf::tick_atom) { self->state.tick(); },
  };
}

} // namespace dbproxy
