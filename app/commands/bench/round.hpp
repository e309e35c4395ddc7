// One round of the bench: some processes write with one strategy for a while.
#pragma once

#include "actors/metrics.hpp"
#include "app/commands/bench/message_store.hpp"
#include "app/commands/bench/protocol.hpp"
#include "messages/errors.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

namespace dbproxy {

struct round_plan {
  /// For each process, apart from its number.
  bench_order order;
  std::string log_level = "warn";
  std::stop_token stop;
};

struct round_figures {
  std::string engine; ///< what kept the messages, "SQLite 3.40.1"
  double writes_per_s = 0;
  std::map<std::string, std::int64_t> errors; ///< by code
  latency_histogram latencies;
  double fairness = 0; ///< the slowest process's writes over the fastest's
  double cpu_s = 0;    ///< of all processes
  std::optional<std::int64_t> wal_bytes_max;
  std::int64_t rss_bytes_max = 0;
  std::int64_t backlog = 0;
};

/// Runs the round and holds the rows against what was acknowledged. INTERNAL
/// where a process dies, hangs or fails, and where the rows are others;
/// UNAVAILABLE where it was stopped. No process is left running.
result<round_figures> run_round(const round_plan& plan, message_store& store);

} // namespace dbproxy
