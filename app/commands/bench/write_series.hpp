// The writes of one process of the bench: when each is due, and what became of
// it.
#pragma once

#include "actors/metrics.hpp"
#include "app/commands/bench/protocol.hpp"
#include "messages/errors.hpp"
#include "messages/sessions.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace dbproxy {

/// A write that was begun.
struct begun_write {
  std::int64_t number = 0;
  /// From when on its caller waits.
  std::chrono::steady_clock::time_point due;
  create_message params;
};

/// One thread at a time.
class write_series {
public:
  using clock = std::chrono::steady_clock;

  explicit write_series(const bench_order& order);

  /// From now on that many writes, one after the other, which do not count.
  void warm_up(std::int64_t writes);

  /// From `from` on the measured writes, for the time of the order: as fast as
  /// they end, or at its rate. Nothing may be in flight.
  void measure(clock::time_point from);

  /// When the next write is due; perhaps long ago, if the process is late.
  /// None where there is no further one.
  std::optional<clock::time_point> due() const;

  begun_write begin(clock::time_point due);

  /// Counts a write that ended. The wait for one that failed counts too.
  void end(const begun_write& write, const result<void>& outcome);

  /// More writes failed than bench_failures_max.
  bool gave_up() const noexcept { return failures_ > bench_failures_max; }

  /// The last error; of no meaning before there was one.
  const write_error& last_error() const noexcept { return last_error_; }

  /// Figures of the measured time, cpu_s and rss_bytes apart. A write that was
  /// due in it and not begun counts with its wait up to the end.
  bench_report report() const;

private:
  clock::time_point due_at(std::int64_t index) const;
  void note_failure(std::int64_t number, const write_error& error);

  std::int64_t process_;
  std::int64_t processes_;
  clock::duration length_;
  std::string parts_;
  double rate_;

  bool measured_ = false;
  std::int64_t warm_up_left_ = 0;
  clock::time_point from_;
  clock::time_point until_;
  std::int64_t begun_ = 0; // of the measured ones
  std::int64_t next_number_ = 0;
  std::int64_t acknowledged_ = 0;
  std::size_t failures_ = 0;
  write_error last_error_;
  std::map<std::string, std::int64_t, std::less<>> errors_;
  std::vector<number_range> absent_;
  std::vector<number_range> unknown_;
  latency_histogram latencies_;
};

/// Runs what is left of the series on this thread, one write at a time.
void run_blocking(
  write_series& series,
  const std::function<result<void>(const create_message&)>& write);

} // namespace dbproxy
