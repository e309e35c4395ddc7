#include "actors/write_path.hpp"

#include "actors/publisher.hpp"
#include "messages/limits.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// Without a primary, the lock is waited for in slices of this length; between
// two of them a new primary is noticed.
constexpr auto lock_slice = 100ms;

} // namespace

void write_path::job::finish(
  result<written> outcome, write_route route, settled_from when) {
  if (!outcome && outcome.error().outcome == write_outcome::unknown)
    when = settled_from::deadline;
  if (auto call = std::exchange(finished, {}))
    call(std::move(outcome), route, when);
}

void write_path::submit(
  write_ptr write, time_point deadline, bool journaled, done finished) {
  if (open() >= limits::instance_writes_max) {
    finished(
      make_error(
        error_code::busy,
        "instance_writes_max = " + std::to_string(limits::instance_writes_max)
          + " writes of this instance are not answered yet",
        write->method),
      write_route::direct, settled_from::unrecorded);
    return;
  }
  waiting_.emplace(
    next_ticket_++, job{
                      .write = std::move(write),
                      .deadline = deadline,
                      .journaled = journaled,
                      .finished = std::move(finished)});
  pump();
}

void write_path::pump() {
  take_way();
  if (!waiting_.empty() || !executing_.empty())
    look_again();
}

void write_path::take_way() {
  if (paused_ || !executing_.empty() || waiting_.empty())
    return;
  // What is on its way must not be overtaken on another.
  auto primary = ports_.is_primary();
  if (!forwarded_.empty() && forwarded_locally_ != primary)
    return;
  if (!goes_directly())
    forward_waiting();
  else if (forwarded_.empty())
    execute_waiting();
}

// The coordinator takes many at once, and while it has some, these come after
// them. One write alone it could only hand on.
bool write_path::goes_directly() const {
  if (ports_.is_primary())
    return waiting_.size() == 1 && forwarded_.empty() && ports_.epoch()
           && !ports_.contended();
  return !ports_.primary_known() || !ports_.contended();
}

void write_path::execute_waiting() {
  write_batch batch;
  executing_locally_ = ports_.is_primary();
  if (executing_locally_)
    batch.epoch = ports_.epoch();
  auto bytes = std::size_t{0};
  std::optional<time_point> deadline;
  while (!waiting_.empty() && executing_.size() < limits::batch_rows_max) {
    auto first = waiting_.begin();
    auto& next = first->second;
    bytes += next.write->bytes;
    if (bytes > limits::batch_bytes_max && !executing_.empty())
      break;
    deadline = std::min(deadline.value_or(next.deadline), next.deadline);
    batch.entries.push_back(
      {next.write, next.journaled || next.was_sent, next.deadline});
    executing_.insert(waiting_.extract(first));
  }
  if (wait_for_lock_)
    batch.lock_deadline = std::min(*deadline, clock::now() + lock_slice);
  ports_.execute(std::move(batch), [this](result<batch_result> outcome) {
    if (outcome)
      on_batch(std::move(*outcome));
    else
      on_writer_failed(outcome.error());
  });
}

void write_path::forward_waiting() {
  forwarded_locally_ = ports_.is_primary();
  while (!waiting_.empty()) {
    auto node = waiting_.extract(waiting_.begin());
    auto number = node.key();
    auto write = node.mapped().write;
    auto deadline = node.mapped().deadline;
    forwarded_.insert(std::move(node));
    auto then = [this, number](result<written> outcome) {
      on_forwarded(number, std::move(outcome));
    };
    if (forwarded_locally_)
      ports_.submit({std::move(write), deadline}, std::move(then));
    else
      ports_.forward({std::move(write), deadline}, std::move(then));
  }
}

void write_path::on_batch(batch_result outcome) {
  // An epoch that is over the coordinator finds out, too.
  if (
    outcome.outcome == batch_result::status::lock_not_had
    || outcome.outcome == batch_result::status::fenced) {
    on_lock_not_had();
    return;
  }
  if (outcome.outcome == batch_result::status::interrupted) {
    on_interrupted(outcome);
    return;
  }
  wait_for_lock_ = false;
  announce(outcome);
  auto finished = std::exchange(executing_, {});
  auto next = outcome.results.begin();
  for (auto& [number, item] : finished)
    item.finish(
      std::move(*next++),
      executing_locally_ ? write_route::local : write_route::direct,
      item.was_sent    ? settled_from::deadline
      : item.journaled ? settled_from::answer
                       : settled_from::unrecorded);
  pump();
}

// Nothing was kept. The writer ends with it, and is replaced in a moment.
void write_path::on_interrupted(const batch_result& outcome) {
  auto next = outcome.results.begin();
  auto all = std::exchange(executing_, {});
  while (!all.empty()) {
    auto node = all.extract(all.begin());
    auto& item = node.mapped();
    const auto& result_of = *next++;
    // A result is there where the journal has it: it will be found again.
    if (item.is_finished())
      continue;
    if (result_of || ++item.interruptions < interruptions_max) {
      waiting_.insert(std::move(node));
      continue;
    }
    auto error = result_of.error();
    if (item.was_sent)
      error.outcome = write_outcome::unknown;
    item.finish(
      std::move(error), write_route::direct, settled_from::unrecorded);
  }
  fail_late();
  pause();
}

// It did not even say how far it came. What was to be journalled can be asked
// for again; of the others nobody knows.
void write_path::on_writer_failed(const write_error& error) {
  auto lost = std::exchange(executing_, {});
  while (!lost.empty()) {
    auto node = lost.extract(lost.begin());
    auto& item = node.mapped();
    if (item.is_finished())
      continue;
    if (error.outcome == write_outcome::not_applied) {
      waiting_.insert(std::move(node));
    } else if (item.journaled || item.was_sent) {
      item.was_sent = true;
      waiting_.insert(std::move(node));
    } else {
      item.finish(error, write_route::direct, settled_from::deadline);
    }
  }
  fail_late();
  pause();
}

void write_path::pause() {
  paused_ = true;
  look_again();
}

// While writes wait for others, or are with the writer: deadlines pass, and
// what keeps from one way may have ended without an answer to any of them.
void write_path::look_again() {
  if (std::exchange(looks_again_, true))
    return;
  ports_.later([this] {
    looks_again_ = false;
    paused_ = false;
    fail_late();
    fail_overdue();
    pump();
  });
}

// Whether writers met, or the lock was with a checkpoint, the primary finds
// out. Where there is none, the writers have to keep apart by themselves.
void write_path::on_lock_not_had() {
  std::erase_if(
    executing_, [](const auto& one) { return one.second.is_finished(); });
  ports_.retried(executing_.size());
  waiting_.merge(executing_);
  executing_.clear();
  fail_late();
  if (ports_.is_primary() || ports_.primary_known()) {
    wait_for_lock_ = false;
    forward_waiting();
  } else {
    ports_.mark_contended();
    wait_for_lock_ = true;
    pump();
  }
}

void write_path::on_forwarded(ticket number, result<written> outcome) {
  auto node = forwarded_.extract(number);
  if (node.empty())
    return;
  auto& item = node.mapped();
  if (!outcome && outcome.error().code == error_code::unreachable) {
    item.was_sent |= outcome.error().outcome == write_outcome::unknown;
    waiting_.insert(std::move(node));
    ports_.retried(1);
    if (!forwarded_.empty())
      return;
    wait_for_lock_ = true;
    fail_late();
    // A coordinator that failed is replaced in a moment.
    if (forwarded_locally_)
      return pause();
  } else {
    item.finish(
      std::move(outcome),
      forwarded_locally_ ? write_route::local : write_route::forwarded,
      settled_from::answer);
  }
  pump();
}

void write_path::fail_late() {
  auto now = clock::now();
  auto all = std::exchange(waiting_, {});
  while (!all.empty()) {
    auto node = all.extract(all.begin());
    auto& item = node.mapped();
    if (item.deadline > now) {
      waiting_.insert(waiting_.end(), std::move(node));
      continue;
    }
    auto error = make_error(
      error_code::unreachable,
      "no primary answers, and the write lock was not free within the "
      "deadline",
      item.write->method);
    if (ports_.primary_known()) {
      error.code = error_code::busy;
      error.message = "the write lock was not free within the deadline";
    }
    if (item.was_sent)
      error.outcome = write_outcome::unknown;
    item.finish(
      std::move(error), write_route::direct, settled_from::unrecorded);
  }
}

// The writer has not come back; nobody can say what will become of these.
void write_path::fail_overdue() {
  auto then = clock::now() - execution_grace;
  for (auto& [number, item] : executing_) {
    if (item.is_finished() || item.deadline > then)
      continue;
    auto error = make_error(
      error_code::timeout, "the commit took longer than the deadline",
      item.write->method);
    error.outcome = write_outcome::unknown;
    item.finish(std::move(error), write_route::direct, settled_from::deadline);
  }
}

void write_path::announce(const batch_result& outcome) {
  committed_notice notice;
  auto next = outcome.results.begin();
  for (const auto& [number, item] : executing_) {
    const auto& result_of = *next++;
    if (result_of && !result_of->replayed && !item.write->topic.empty())
      notice.announcements.push_back(announcement_of(*item.write));
  }
  notice.wal_pages = outcome.wal_pages;
  if (!notice.announcements.empty() || notice.wal_pages > 0)
    ports_.announce(std::move(notice));
}

void write_path::abandon(const write_error& error) {
  auto fail = [&](std::map<ticket, job>& jobs, bool may_have_run) {
    for (auto& [number, item] : std::exchange(jobs, {})) {
      auto out = error;
      if (may_have_run || item.was_sent)
        out.outcome = write_outcome::unknown;
      item.finish(
        std::move(out), write_route::direct, settled_from::unrecorded);
    }
  };
  fail(forwarded_, true);
  fail(executing_, true);
  fail(waiting_, false);
}

} // namespace dbproxy
