// dbproxy call: one write or read, through an instance of its own.
#include "app/commands/command.hpp"

#include "messages/catalogue.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <sstream>

namespace dbproxy {

namespace {

struct call_request {
  std::string method;
  std::string params;
  std::optional<std::string> request_id;
  std::optional<std::int64_t> timeout_ms;
};

int call(const std::string& database, const call_request& request) {
  auto params = result<boost::json::value>{boost::json::value{}};
  if (!request.params.empty())
    params = parse_json(request.params);
  if (!params) {
    auto error = params.error();
    error.method = request.method;
    return print_error(error);
  }
  system_config config;
  caf::actor_system system{config};
  instance_options options;
  options.database = database;
  options.readers = 1;
  auto self = instance::start(system, options);
  if (!self)
    return print_error(self.error());
  call_options how;
  how.request_id = request.request_id;
  if (request.timeout_ms)
    how.timeout = std::chrono::milliseconds{*request.timeout_ms};
  auto entry = self->methods().find(request.method);
  auto is_read = entry != nullptr && entry->kind == method_kind::read;
  auto db = self->db();
  auto outcome = is_read ? db.read(request.method, *params, how)
                         : db.write(request.method, *params, how);
  if (!outcome)
    return print_error(outcome.error());
  print_line(*outcome);
  return succeeded;
}

/// Every method with its parameters, from the catalogue.
std::string method_help() {
  std::ostringstream out;
  out << "Methods (an optional parameter is marked ?):\n";
  for_each_method([&](auto id) {
    using M = typename decltype(id)::type;
    out << "  " << M::spec.name << ':';
    for_each_member<M>([&](std::string_view name, auto pointer) {
      using member = std::remove_cvref_t<decltype(std::declval<M&>().*pointer)>;
      out << ' ' << name << (nullable<member> ? "?" : "");
    });
    out << '\n';
  });
  return out.str();
}

} // namespace

void add_call(CLI::App& app, program& main) {
  auto* command = app.add_subcommand("call", "Run one write or read");
  auto request = std::make_shared<call_request>();
  add_database(*command, main);
  command->add_option("METHOD", request->method, "The method's name")
    ->required();
  command->add_option("PARAMS", request->params, "Its parameters, as JSON");
  command
    ->add_option(
      "--request-id", request->request_id,
      "Identifies this write: sent again, it takes effect once")
    ->type_name("ID");
  command
    ->add_option("--timeout", request->timeout_ms, "The deadline, from now")
    ->type_name("MS")
    ->check(
      CLI::Range(std::int64_t{1}, std::int64_t{limits::timeout_max.count()}));
  command->footer([] { return method_help(); });
  command->callback([&main, request] {
    main.run = [&main, request] { return call(main.database, *request); };
  });
}

} // namespace dbproxy
