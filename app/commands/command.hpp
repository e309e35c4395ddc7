// What the commands of the program share: where they register, how they open
// an instance, how they print.
#pragma once

#include "app/instance.hpp"

#include <boost/json.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace CLI {
class App;
} // namespace CLI

namespace dbproxy {

/// The exit statuses of the program (docs/api.md, "The program").
enum exit_status : int { succeeded = 0, failed = 1, wrong_usage = 2 };

/// What the command line asked for.
struct program {
  std::string database;
  std::string log_level = "warn";
  /// Set by the chosen command; runs it and returns an exit status.
  std::function<int()> run;
};

// Each adds one command to the command line.
void add_serve(CLI::App& app, program& main);
void add_call(CLI::App& app, program& main);
void add_load(CLI::App& app, program& main);
void add_status(CLI::App& app, program& main);
void add_ping(CLI::App& app, program& main);
void add_watch(CLI::App& app, program& main);
void add_check(CLI::App& app, program& main);
void add_demo(CLI::App& app, program& main);
void add_bench(CLI::App& app, program& main);
void add_bench_process(CLI::App& app, program& main);
void add_hold_lock(CLI::App& app, program& main);
void add_fault_points(CLI::App& app, program& main);
void add_kb(CLI::App& app, program& main);
void add_events(CLI::App& app, program& main);
void add_code(CLI::App& app, program& main);

/// Adds the option --db, which every command but `demo` requires.
void add_database(CLI::App& command, program& main);

/// Adds --role, --sync and --instance-id, where wanted.
void add_role(CLI::App& command, role_request& role);
void add_sync(CLI::App& command, sync_mode& sync);

/// Runs `work` with an instance of its own on the database (primary if there
/// is none, else secondary), which stops afterwards. What `work` returns, or
/// `failed` where the instance did not start.
int with_database(
  const std::string& database, const std::function<int(const querier&)>& work);

/// Prints one JSON line on standard output and flushes it.
void print_line(const boost::json::value& value);

/// Prints an error as one JSON line on standard error; returns `failed`.
int print_error(const write_error& error);

/// The JSON form of an error: code, message, method, retryable, outcome.
boost::json::object error_json(const write_error& error);

/// SIGINT and SIGTERM, taken as events. Make one before any thread starts.
class stop_signals {
public:
  stop_signals();

  /// True if one of them has come, waiting for at most `timeout`.
  bool wait(std::chrono::milliseconds timeout);

private:
  bool came_ = false;
};

} // namespace dbproxy
