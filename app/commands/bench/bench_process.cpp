// dbproxy bench-process: one of the processes of `dbproxy bench`, which starts
// it and speaks to it through its standard input and output.
#include "app/commands/bench/bench_writer.hpp"
#include "app/commands/bench/process_usage.hpp"
#include "app/commands/command.hpp"
#include "app/commands/line_reader.hpp"
#include "messages/json_codec.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <utility>

#include <sys/prctl.h>
#include <unistd.h>

namespace dbproxy {

namespace {

// Fills caches, and prepares statements, on both ends.
constexpr std::int64_t warm_up_writes = 32;

template <class T>
result<T> next_line(line_reader& lines) {
  std::string line;
  if (lines.next(line) != line_reader::state::line)
    return make_error(error_code::internal, "the bench has gone");
  auto parsed = parse_json(line);
  if (!parsed)
    return parsed.error();
  return decode<T>(*parsed);
}

bench_writer_result open_writer(const bench_order& order) {
  auto how = parse_strategy(order.strategy);
  if (!how)
    return make_error(
      error_code::invalid_params, "no such strategy: " + order.strategy);
  switch (*how) {
  case strategy::direct:
  case strategy::direct_tuned:
    return open_direct_writer(order, *how);
  case strategy::original:
    return open_original_writer(order);
  case strategy::postgresql:
    return open_postgresql_writer(order);
  case strategy::forward:
  case strategy::proxy:
    break;
  }
  return open_instance_writer(order, *how);
}

/// Nothing, or why the series ended before its time.
result<void> check(const write_series& series) {
  if (!series.gave_up())
    return {};
  auto error = series.last_error();
  error.message =
    "more than bench_failures_max = " + std::to_string(bench_failures_max)
    + " writes failed, the last one because: " + error.message;
  return error;
}

result<void> run(line_reader& from_bench) {
  auto order = next_line<bench_order>(from_bench);
  if (!order)
    return order.error();
  auto writer = open_writer(*order);
  if (!writer)
    return writer.error();
  write_series series{*order};
  series.warm_up(warm_up_writes);
  (*writer)->run(series);
  if (auto well = check(series); !well)
    return well;
  print_line(encode(bench_line{true, {}, {}}));
  auto start = next_line<bench_start>(from_bench);
  if (!start)
    return start.error();
  series.measure(
    write_series::clock::time_point{std::chrono::nanoseconds{start->at_ns}});
  auto used = [&] {
    return cpu_seconds() + (*writer)->cpu_seconds_elsewhere();
  };
  auto before = used();
  (*writer)->run(series);
  auto report = series.report();
  report.cpu_s = used() - before;
  report.rss_bytes = peak_rss_bytes();
  if (auto well = check(series); !well)
    return well;
  print_line(encode(bench_line{{}, std::move(report), {}}));
  // Others may still need this one: it may be the primary.
  std::string line;
  while (from_bench.next(line) == line_reader::state::line) {
  }
  return {};
}

int bench_process() {
  // Nobody is left behind by a bench that is killed. It starts its processes
  // from the thread that lives as long as itself.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  line_reader from_bench{STDIN_FILENO};
  auto done = run(from_bench);
  if (done)
    return succeeded;
  print_line(encode(bench_line{{}, {}, to_string(done.error())}));
  return failed;
}

} // namespace

void add_bench_process(CLI::App& app, program& main) {
  auto* command = app.add_subcommand("bench-process", "For bench");
  command->group(""); // not in the list of commands
  command->callback([&main] { main.run = [] { return bench_process(); }; });
}

} // namespace dbproxy
