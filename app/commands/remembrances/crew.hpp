// Several processes that do the items of one command.
#pragma once

#include "app/commands/remembrances/work.hpp"

#include <boost/json.hpp>

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace dbproxy {

/// The most processes that one command starts.
inline constexpr std::size_t jobs_max = 64;

struct crew_plan {
  std::vector<work_item> items;
  /// With 1 the items are done in this process, by `here`.
  std::size_t jobs = 1;
  work_function here;
  /// Arguments of this program that start a worker process, and what it is
  /// told first; see worker_process.hpp.
  std::vector<std::string> worker_arguments;
  boost::json::value settings;
  /// Makes the vectors that worker processes ask for.
  embed_function embed;
  /// Called after each item, by one thread at a time.
  std::function<void(const work_report&)> on_report;
  std::stop_token stop;
};

/// Does all items, each at least once: one whose process has died is given to
/// another one. Stops at the first error; INTERNAL if all processes have died,
/// stopped_error() if the stop was requested first. No worker is left running.
result<void> run_crew(const crew_plan& plan);

} // namespace dbproxy
