// What the bench and its processes tell each other, one JSON line each; and how
// the rows that they write are called.
#pragma once

#include "actors/metrics.hpp"
#include "messages/described.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

/// The first line to a process: what it is to do.
struct bench_order {
  std::string strategy; ///< see strategy.hpp
  std::string location; ///< the database file, or the server's conninfo
  std::string schema;   ///< on a server: where the tables are
  std::string sync;     ///< "full" or "normal"
  std::int64_t process = 0;
  std::int64_t processes = 1;
  std::int64_t in_flight = 1;
  std::int64_t payload_bytes = 0;
  double seconds = 0;
  double rate = 0; ///< of all processes together, a second; 0: a closed loop
};
BOOST_DESCRIBE_STRUCT(
  bench_order, (),
  (strategy, location, schema, sync, process, processes, in_flight,
   payload_bytes, seconds, rate))

/// The second line to a process, after it said that it is ready.
struct bench_start {
  std::int64_t at_ns = 0; ///< CLOCK_MONOTONIC
};
BOOST_DESCRIBE_STRUCT(bench_start, (), (at_ns))

/// Writes by their numbers, both ends included.
struct number_range {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
BOOST_DESCRIBE_STRUCT(number_range, (), (first, last))

struct error_count {
  std::string code;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(error_count, (), (code, count))

/// What a process did. The writes are numbered from 0, those of the warm-up
/// first; the figures leave these out.
struct bench_report {
  std::int64_t asked = 0;            ///< writes that were begun
  std::vector<number_range> absent;  ///< failed, and not applied
  std::vector<number_range> unknown; ///< failed, and perhaps applied
  std::int64_t acknowledged = 0;     ///< within the measured time
  std::vector<error_count> errors;
  latency_counts latencies;
  double cpu_s = 0;
  std::int64_t rss_bytes = 0;
  std::int64_t backlog = 0; ///< due in the measured time, and not begun
};
BOOST_DESCRIBE_STRUCT(
  bench_report, (),
  (asked, absent, unknown, acknowledged, errors, latencies, cpu_s, rss_bytes,
   backlog))

/// What a process says in one line: one of the three.
struct bench_line {
  std::optional<bool> ready;
  std::optional<bench_report> report;
  std::optional<std::string> error; ///< what ends the whole bench
};
BOOST_DESCRIBE_STRUCT(bench_line, (), (ready, report, error))

/// The most writes of one process that may fail before it gives up.
inline constexpr std::size_t bench_failures_max = 10'000;

/// Each process writes to a session of its own, which is there already.
inline std::string bench_session_id(std::int64_t process) {
  return "session-" + std::to_string(process);
}

inline std::string bench_message_id(std::int64_t process, std::int64_t number) {
  auto digits = std::to_string(number);
  digits.insert(0, digits.size() < 8 ? 8 - digits.size() : 0, '0');
  return std::to_string(process) + "-" + digits;
}

} // namespace dbproxy
