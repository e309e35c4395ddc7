// dbproxy check: is the database whole?
#include "app/commands/command.hpp"

#include "messages/limits.hpp"
#include "storage/integrity.hpp"
#include "storage/schema.hpp"
#include "transport/instance_directory.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <filesystem>
#include <iostream>

namespace dbproxy {

namespace {

int check(const std::string& database) {
  auto path = canonical_database_path(database);
  if (!path)
    return print_error(path.error());
  if (!std::filesystem::exists(*path))
    return print_error(
      make_error(error_code::internal, path->string() + " does not exist"));
  open_options options;
  options.path = path->string();
  auto opened = open_database(options);
  if (!opened)
    return print_error(opened.error());
  // A checkpoint, or whoever else has the lock, is done in a moment.
  opened->set_lock_wait(
    std::chrono::steady_clock::now() + limits::long_timeout);
  auto faults = find_faults(*opened);
  if (!faults)
    return print_error(faults.error());
  for (const auto& fault : *faults)
    std::cout << fault << '\n';
  if (!faults->empty())
    return failed;
  std::cout << "ok\n";
  return succeeded;
}

} // namespace

void add_check(CLI::App& app, program& main) {
  auto* command = app.add_subcommand("check", "Check the database");
  add_database(*command, main);
  command->callback(
    [&main] { main.run = [&main] { return check(main.database); }; });
}

} // namespace dbproxy
