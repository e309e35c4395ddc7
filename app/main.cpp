// The program: reads the command line and runs one command.
#include "app/commands/command.hpp"

#include <CLI/CLI.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <iostream>
#include <stdexcept>

int main(int argc, char** argv) {
  using namespace dbproxy;
  program chosen;
  CLI::App app{"Many processes, one SQLite file.", "dbproxy"};
  app.set_version_flag("--version", DBPROXY_VERSION);
  app.require_subcommand(1);
  app
    .add_option(
      "--log-level", chosen.log_level, "trace, debug, info, warn, error, off")
    ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
    ->type_name("LEVEL");
  for (auto add :
       {add_serve, add_call, add_load, add_status, add_ping, add_watch,
        add_check, add_demo, add_bench, add_bench_process, add_hold_lock,
        add_fault_points, add_kb, add_events, add_code})
    add(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? succeeded : wrong_usage;
  }
  try {
    auto logger = spdlog::stderr_color_mt("dbproxy");
    logger->set_level(spdlog::level::from_str(chosen.log_level));
    auto status = chosen.run();
    if (!std::cout.flush())
      throw std::runtime_error{"cannot write to standard output"};
    return status;
  } catch (const std::exception& error) {
    std::cerr << "dbproxy: " << error.what() << '\n';
    return failed;
  }
}
