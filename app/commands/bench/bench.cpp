// dbproxy bench: real processes write messages, with one strategy after the
// other, and their figures are put side by side.
#include "app/commands/bench/machine.hpp"
#include "app/commands/bench/message_store.hpp"
#include "app/commands/bench/results.hpp"
#include "app/commands/bench/round.hpp"
#include "app/commands/bench/strategy.hpp"
#include "app/commands/command.hpp"
#include "app/commands/progress_bar.hpp"
#include "app/commands/stop_watch.hpp"
#include "app/commands/text_table.hpp"
#include "messages/limits.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

namespace dbproxy {

namespace json = boost::json;

namespace {

constexpr std::int64_t processes_max = 256;
constexpr std::int64_t payload_bytes_max = 1 << 20;
constexpr double seconds_min = 0.05;
constexpr double seconds_max = 3600;
constexpr double rate_max = 1e7;
constexpr std::int64_t repeat_max = 1000;

struct bench_request {
  std::vector<std::int64_t> processes{16};
  std::vector<std::string> strategies;
  double seconds = 3;
  sync_mode sync = sync_mode::full;
  std::int64_t in_flight = 1;
  std::int64_t payload_bytes = 400;
  double rate = 0;
  std::int64_t repeat = 1;
  std::string conninfo; ///< of the PostgreSQL server, where there is one
  std::string folder;
  bool as_json = false;
  std::string log_level;
};

/// One of each that was asked for, without rounds yet.
std::vector<bench_result> results_for(const bench_request& request) {
  std::vector<bench_result> all;
  for (auto processes : request.processes)
    for (const auto& name : request.strategies) {
      bench_result one;
      one.strategy = *parse_strategy(name);
      one.processes = processes;
      one.in_flight = is_pipelined(one.strategy) ? request.in_flight : 1;
      one.sync = request.sync == sync_mode::full ? "full" : "normal";
      all.push_back(std::move(one));
    }
  return all;
}

result<std::unique_ptr<message_store>>
make_store(const bench_request& request, const bench_result& which) {
  if (which.strategy == strategy::postgresql)
    return make_postgresql_store(request.conninfo, which.processes);
  auto folder = request.folder.empty() ? std::filesystem::temp_directory_path()
                                       : std::filesystem::path{request.folder};
  return make_sqlite_store(folder, which.processes);
}

result<round_figures> run_one(
  const bench_request& request, const bench_result& which,
  const std::stop_token& stop) {
  round_plan plan;
  plan.order.strategy = to_string(which.strategy);
  plan.order.sync = which.sync;
  plan.order.processes = which.processes;
  plan.order.in_flight = which.in_flight;
  plan.order.payload_bytes = request.payload_bytes;
  plan.order.seconds = request.seconds;
  plan.order.rate = request.rate;
  plan.log_level = request.log_level;
  plan.stop = stop;
  auto store = make_store(request, which);
  if (!store)
    return store.error();
  return run_round(plan, **store);
}

json::object
document(const bench_request& request, const std::vector<bench_result>& all) {
  json::array results;
  for (const auto& one : all)
    results.push_back(to_json(one));
  return {
    {"machine", describe_machine()},
    {"seconds", request.seconds},
    {"repeat", request.repeat},
    {"payload_bytes", request.payload_bytes},
    {"rate", request.rate > 0 ? json::value{request.rate} : json::value{}},
    {"results", std::move(results)}};
}

int bench(const bench_request& request) {
  stop_watch signals;
  auto all = results_for(request);
  {
    auto repeat = static_cast<std::size_t>(request.repeat);
    progress_bar progress{"rounds", all.size() * repeat};
    // In turn, so that what disturbs the machine meets all of them.
    for (std::size_t i = 0; i < repeat; ++i)
      for (auto& one : all) {
        auto figures = run_one(request, one, signals.token());
        if (!figures)
          return print_error(figures.error());
        one.rounds.push_back(std::move(*figures));
        progress.advance(1);
      }
  }
  if (request.as_json || isatty(STDOUT_FILENO) == 0)
    print_line(document(request, all));
  else
    print_tables(std::cout, all, terminal_width());
  return succeeded;
}

std::vector<std::string> names_of_strategies() {
  std::vector<std::string> names;
  names.reserve(strategies.size());
  for (const auto& entry : strategies)
    names.emplace_back(entry.name);
  return names;
}

std::string told_strategies() {
  std::string text = "The strategies, each on a fresh database:";
  for (const auto& [which, name, what] : strategies)
    text += "\n  " + std::string{name} + ": " + std::string{what};
  return text
         + "\nIn original, forward and proxy one of the processes is the "
           "primary; it writes as the others do.";
}

void add_options(CLI::App& command, bench_request& request) {
  command
    .add_option(
      "--processes", request.processes,
      "How many write; several numbers are measured in turn")
    ->check(CLI::Range(std::int64_t{1}, processes_max))
    ->type_name("N")
    ->capture_default_str();
  command
    .add_option("--seconds", request.seconds, "How long each strategy writes")
    ->check(CLI::Range(seconds_min, seconds_max))
    ->type_name("S")
    ->capture_default_str();
  add_sync(command, request.sync);
  command
    .add_option(
      "--in-flight", request.in_flight,
      "Writes of one process at the same time; a connection that blocks, as "
      "those of direct, direct-tuned, original and postgresql, has one")
    ->check(CLI::Range(
      std::int64_t{1}, static_cast<std::int64_t>(limits::instance_writes_max)))
    ->type_name("K")
    ->capture_default_str();
  command
    .add_option(
      "--payload", request.payload_bytes, "The bytes of a message's parts")
    ->check(CLI::Range(std::int64_t{0}, payload_bytes_max))
    ->type_name("BYTES")
    ->capture_default_str();
  command
    .add_option(
      "--rate", request.rate,
      "Writes a second of all processes together, each at its time whether or "
      "not those before have ended (at most K at once); it waits from then "
      "on. Without it each process writes as fast as it is answered")
    ->check(CLI::Range(1e-3, rate_max))
    ->type_name("R");
  command
    .add_option(
      "--repeat", request.repeat,
      "Rounds of everything, for medians and ranges")
    ->check(CLI::Range(std::int64_t{1}, repeat_max))
    ->type_name("N")
    ->capture_default_str();
  command
    .add_option(
      "--strategy", request.strategies,
      "Which to compare; all that can be if left out")
    ->check(CLI::IsMember(names_of_strategies()))
    ->type_name("NAME");
  command
    .add_option(
      "--pg", request.conninfo,
      "A PostgreSQL server, for the strategy postgresql: a conninfo of libpq, "
      "whose user may create schemas")
    ->envname("DBPROXY_PG_CONNINFO")
    ->type_name("CONNINFO");
  command
    .add_option(
      "--dir", request.folder,
      "Where the databases are made, and removed; by default where temporary "
      "files are")
    ->check(CLI::ExistingDirectory)
    ->type_name("DIR");
  command.add_flag("--json", request.as_json, "JSON, also on a terminal");
}

} // namespace

void add_bench(CLI::App& app, program& main) {
  auto* command = app.add_subcommand(
    "bench", "Processes write as fast as they can, one strategy after another");
  command->footer(told_strategies());
  auto request = std::make_shared<bench_request>();
  add_options(*command, *request);
  command->callback([&main, request] {
    auto& chosen = request->strategies;
    auto served = !request->conninfo.empty();
    if (chosen.empty())
      for (const auto& entry : strategies)
        if (served || entry.which != strategy::postgresql)
          chosen.emplace_back(entry.name);
    if (
      !served
      && std::count(
        chosen.begin(), chosen.end(), to_string(strategy::postgresql)))
      throw CLI::ValidationError{"--strategy", "postgresql needs --pg"};
    main.run = [&main, request] {
      request->log_level = main.log_level;
      return bench(*request);
    };
  });
}

} // namespace dbproxy
