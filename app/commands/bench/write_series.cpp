#include "app/commands/bench/write_series.hpp"

#include <algorithm>
#include <thread>

namespace dbproxy {

namespace {

void add_number(std::vector<number_range>& ranges, std::int64_t number) {
  if (!ranges.empty() && ranges.back().last + 1 == number)
    ranges.back().last = number;
  else
    ranges.push_back({number, number});
}

} // namespace

write_series::write_series(const bench_order& order)
  : process_(order.process),
    processes_(order.processes),
    length_(std::chrono::duration_cast<clock::duration>(
      std::chrono::duration<double>{order.seconds})),
    parts_(static_cast<std::size_t>(order.payload_bytes), 'x'),
    rate_(order.rate) {}

void write_series::warm_up(std::int64_t writes) {
  measured_ = false;
  warm_up_left_ = writes;
}

void write_series::measure(clock::time_point from) {
  measured_ = true;
  from_ = from;
  until_ = from + length_;
}

// The processes take turns, so that together they keep the rate evenly.
write_series::clock::time_point write_series::due_at(std::int64_t index) const {
  std::chrono::duration<double> offset{
    static_cast<double>(index * processes_ + process_) / rate_};
  return from_ + std::chrono::duration_cast<clock::duration>(offset);
}

std::optional<write_series::clock::time_point> write_series::due() const {
  auto now = clock::now();
  if (gave_up())
    return {};
  if (!measured_)
    return warm_up_left_ > 0 ? std::optional{now} : std::nullopt;
  if (now >= until_)
    return {};
  if (rate_ == 0)
    return std::max(now, from_);
  auto next = due_at(begun_);
  return next < until_ ? std::optional{next} : std::nullopt;
}

begun_write write_series::begin(clock::time_point due) {
  if (measured_)
    ++begun_;
  else
    --warm_up_left_;
  auto number = next_number_++;
  return {
    number,
    due,
    {bench_message_id(process_, number),
     bench_session_id(process_),
     "user",
     parts_,
     {}}};
}

void write_series::end(const begun_write& write, const result<void>& outcome) {
  auto now = clock::now();
  if (!outcome)
    note_failure(write.number, outcome.error());
  if (!measured_)
    return;
  latencies_.record(now - write.due);
  if (outcome && now <= until_)
    ++acknowledged_;
}

void write_series::note_failure(std::int64_t number, const write_error& error) {
  ++failures_;
  ++errors_[std::string{to_string(error.code)}];
  last_error_ = error;
  add_number(
    error.outcome == write_outcome::unknown ? unknown_ : absent_, number);
}

bench_report write_series::report() const {
  bench_report out;
  out.asked = next_number_;
  out.absent = absent_;
  out.unknown = unknown_;
  out.acknowledged = acknowledged_;
  for (const auto& [code, count] : errors_)
    out.errors.push_back({code, count});
  auto latencies = latencies_;
  if (rate_ > 0)
    for (auto late = due_at(begun_); late < until_;
         late = due_at(begun_ + out.backlog)) {
      latencies.record(until_ - late);
      ++out.backlog;
    }
  out.latencies = latencies.counts();
  return out;
}

void run_blocking(
  write_series& series,
  const std::function<result<void>(const create_message&)>& write) {
  while (auto due = series.due()) {
    std::this_thread::sleep_until(*due);
    auto next = series.begin(*due);
    series.end(next, write(next.params));
  }
}

} // namespace dbproxy
