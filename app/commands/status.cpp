// dbproxy status and ping: what the primary says about itself.
#include "app/commands/command.hpp"

#include "messages/limits.hpp"
#include "transport/instance_directory.hpp"
#include "transport/leader_lock.hpp"
#include "transport/rpc_client.hpp"

#include <CLI/CLI.hpp>

#include <iomanip>
#include <iostream>
#include <memory>

namespace dbproxy {

namespace json = boost::json;

namespace {

/// Asks the primary of `database`. UNREACHABLE if there is none.
result<json::value>
ask_primary(const std::string& database, std::string_view method) {
  auto path = canonical_database_path(database);
  if (!path)
    return path.error();
  auto directory = instance_directory::find(*path);
  if (!directory)
    return directory.error();
  auto primary = result<std::optional<primary_record>>{std::nullopt};
  if (*directory)
    primary = find_primary(**directory);
  if (!primary)
    return primary.error();
  if (!*primary)
    return make_error(
      error_code::unreachable, path->string() + " has no primary", method);
  auto client = rpc_client::connect((*primary)->rpc_addr);
  if (!client)
    return client.error();
  return client->call(method, nullptr, limits::probe_timeout);
}

void print_value(const json::value& value) {
  if (const auto* text = value.if_string())
    std::cout << std::string_view{*text};
  else
    std::cout << json::serialize(value);
}

/// One line a figure; lists and groups indented below their name.
void print_table(const json::object& figures) {
  constexpr int width = 26;
  for (const auto& [key, value] : figures) {
    std::cout << std::left << std::setw(width) << std::string{key};
    if (const auto* group = value.if_object()) {
      std::cout << '\n';
      for (const auto& [name, count] : *group) {
        std::cout << "  " << std::setw(width - 2) << std::string{name};
        print_value(count);
        std::cout << '\n';
      }
    } else if (const auto* list = value.if_array()) {
      std::cout << list->size() << '\n';
      for (const auto& one : *list)
        std::cout << "  " << json::serialize(one) << '\n';
    } else {
      print_value(value);
      std::cout << '\n';
    }
  }
}

int status(const std::string& database, bool as_json) {
  auto info = ask_primary(database, "instance.info");
  if (!info)
    return print_error(info.error());
  if (as_json)
    print_line(*info);
  else
    print_table(info->as_object());
  return succeeded;
}

int ping(const std::string& database) {
  auto answer = ask_primary(database, "instance.ping");
  if (!answer)
    return print_error(answer.error());
  print_line(*answer);
  return succeeded;
}

} // namespace

void add_status(CLI::App& app, program& main) {
  auto* command = app.add_subcommand("status", "Show the primary's figures");
  auto as_json = std::make_shared<bool>(false);
  add_database(*command, main);
  command->add_flag("--json", *as_json, "One JSON object");
  command->callback([&main, as_json] {
    main.run = [&main, as_json] { return status(main.database, *as_json); };
  });
}

void add_ping(CLI::App& app, program& main) {
  auto* command = app.add_subcommand("ping", "Does the primary answer?");
  add_database(*command, main);
  command->callback(
    [&main] { main.run = [&main] { return ping(main.database); }; });
}

} // namespace dbproxy
