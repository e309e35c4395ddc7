// dbproxy serve: runs an instance until SIGINT or SIGTERM.
#include "app/commands/command.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include <unistd.h>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

boost::json::object state_line(std::string_view event, const instance& self) {
  auto primary = self.primary().value_or(primary_record{});
  return {
    {"event", event},
    {"role", to_string(self.role())},
    {"instance_id", self.id()},
    {"epoch", primary.epoch},
    {"pid", getpid()},
    {"rpc_addr", primary.rpc_addr},
    {"pub_addr", primary.pub_addr}};
}

/// Changes of the role, reported only after "ready" and before "stopping".
class role_changes {
public:
  using reporter = std::function<void(instance_role)>;

  void note(instance_role role) {
    std::lock_guard guard{mutex_};
    if (report_)
      report_(role);
  }

  void report_from_now_on(reporter report) {
    std::lock_guard guard{mutex_};
    report_ = std::move(report);
  }

  void stop_reporting() { report_from_now_on({}); }

private:
  std::mutex mutex_;
  reporter report_;
};

int serve(instance_options options) {
  stop_signals signals;
  system_config config;
  caf::actor_system system{config};
  role_changes changes;
  options.on_role_change = [&](instance_role role) { changes.note(role); };
  auto self = instance::start(system, options);
  if (!self)
    return print_error(self.error());
  // A secondary is ready when it has somebody to follow.
  while (!self->wait_for_primary(50ms))
    if (signals.wait(0ms))
      return succeeded;
  print_line(state_line("ready", *self));
  changes.report_from_now_on([&](instance_role role) {
    auto promoted = role == instance_role::primary;
    print_line(state_line(promoted ? "promoted" : "demoted", *self));
  });
  while (!signals.wait(1h)) {
  }
  changes.stop_reporting();
  print_line(state_line("stopping", *self));
  self->stop();
  return succeeded;
}

} // namespace

void add_serve(CLI::App& app, program& main) {
  auto* command =
    app.add_subcommand("serve", "Run an instance until SIGINT or SIGTERM");
  auto options = std::make_shared<instance_options>();
  add_database(*command, main);
  add_role(*command, options->role);
  add_sync(*command, options->sync);
  command
    ->add_option(
      "--instance-id", options->instance_id,
      "The name of this instance; generated if left out")
    ->type_name("ID");
  command->callback([&main, options] {
    main.run = [&main, options] {
      options->database = main.database;
      return serve(*options);
    };
  });
}

} // namespace dbproxy
