// The rounds of a bench, summed up: medians and ranges, as JSON and as tables.
#pragma once

#include "app/commands/bench/round.hpp"
#include "app/commands/bench/strategy.hpp"

#include <boost/json.hpp>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace dbproxy {

/// All rounds of one strategy with one number of processes.
struct bench_result {
  dbproxy::strategy strategy = strategy::proxy;
  std::int64_t processes = 1;
  std::int64_t in_flight = 1;
  std::string sync;
  std::vector<round_figures> rounds; ///< at least one
};

/// Every number is the median of the rounds, but `errors`, their sum;
/// "ranges" has the least and the most of each.
boost::json::object to_json(const bench_result& one);

/// A table of the medians; where there is more than one round a table of the
/// ranges. The last columns compare with the first strategy of the same number
/// of processes.
void print_tables(
  std::ostream& out, const std::vector<bench_result>& all, std::size_t width);

} // namespace dbproxy
