// dbproxy hold-lock: a plain SQLite program, no instance, that takes the write
// lock now and then. The demo and the tests run it beside the others.
#include "app/commands/command.hpp"

#include "storage/schema.hpp"
#include "storage/scopes.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <memory>
#include <random>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

constexpr auto lock_wait = 5s;

struct hold_request {
  std::int64_t min_ms = 100;
  std::int64_t max_ms = 300;
  std::int64_t count = 0;
};

int hold(const std::string& database, const hold_request& request) {
  stop_signals signals;
  open_options options;
  options.path = database;
  auto opened = open_connection(options);
  if (!opened)
    return print_error(opened.error());
  std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> pause{
    request.min_ms, std::max(request.min_ms, request.max_ms)};
  for (std::int64_t i = 0; request.count == 0 || i < request.count; ++i) {
    opened->set_lock_wait(std::chrono::steady_clock::now() + lock_wait);
    auto held = immediate_transaction::begin(*opened);
    if (!held)
      return print_error(held.error());
    auto length = pause(random);
    print_line(boost::json::object{{"event", "held"}, {"ms", length}});
    if (signals.wait(std::chrono::milliseconds{length}))
      break;
    if (auto done = held->commit(); !done)
      return print_error(done.error());
    print_line(boost::json::object{{"event", "released"}});
    if (signals.wait(std::chrono::milliseconds{pause(random)}))
      break;
  }
  return succeeded;
}

} // namespace

void add_hold_lock(CLI::App& app, program& main) {
  auto* command = app.add_subcommand(
    "hold-lock", "Take the write lock now and then, as a plain program");
  command->group(""); // not in the list of commands
  auto request = std::make_shared<hold_request>();
  add_database(*command, main);
  command->add_option("--min-ms", request->min_ms, "The shortest time");
  command->add_option("--max-ms", request->max_ms, "The longest time");
  command->add_option("--count", request->count, "How often; 0 for ever");
  command->callback([&main, request] {
    main.run = [&main, request] { return hold(main.database, *request); };
  });
}

} // namespace dbproxy
