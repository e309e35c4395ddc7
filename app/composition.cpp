#include "app/composition.hpp"

#include "actors/errors.hpp"
#include "actors/supervisor.hpp"
#include "messages/limits.hpp"
#include "transport/instance_directory.hpp"

#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace dbproxy {

namespace {

std::string generated_id() {
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::random_device device;
  std::string id = "i-";
  for (int i = 0; i < 16; ++i)
    id += alphabet[device() % alphabet.size()];
  return id;
}

} // namespace

composition::composition(caf::actor_system& system, instance_options wanted)
  : system_(system),
    options(std::move(wanted)) {}

result<void> composition::check_options() {
  if (options.instance_id.size() > limits::instance_id_bytes_max)
    return make_error(
      error_code::invalid_params,
      "the instance id has more than instance_id_bytes_max = "
        + std::to_string(limits::instance_id_bytes_max) + " bytes");
  if (!is_utf8(options.instance_id))
    return make_error(
      error_code::invalid_params, "the instance id is not valid UTF-8");
  if (options.instance_id.empty())
    options.instance_id = generated_id();
  if (
    options.watch.heartbeat_interval.count() <= 0
    || options.watch.silence_max <= options.watch.heartbeat_interval
    || options.watch.restart_window.count() <= 0)
    return make_error(
      error_code::invalid_params,
      "the heartbeat interval and the restart window must be more than 0, and "
      "the silence longer than the interval");
  if (!options.methods)
    options.methods = std::make_shared<method_set>();
  auto path = canonical_database_path(options.database);
  if (!path)
    return path.error();
  options.database = std::move(*path);
  return {};
}

result<void> composition::start() {
  if (auto checked = check_options(); !checked)
    return checked;
  registry = std::make_shared<dispatch>(options.methods);
  supervisor_options parts;
  parts.instance_id = options.instance_id;
  parts.open.path = options.database.string();
  parts.open.sync = options.sync;
  parts.role = options.role;
  parts.timeouts = options.timeouts;
  parts.routing = options.routing;
  parts.readers = options.readers;
  parts.networking = options.networking;
  parts.watch = options.watch;
  parts.methods = options.methods;
  parts.registry = registry;
  parts.figures = figures;
  parts.colleagues = colleagues_;
  parts.where_we_stand = where_we_stand;
  parts.on_role_change = options.on_role_change;
  supervisor_ = system_.spawn<caf::detached>(supervisor, std::move(parts));
  result<void> started;
  caf::scoped_actor self{system_};
  self->request(supervisor_, caf::infinite, start_command{})
    .receive(
      [] {}, [&](const caf::error& error) { started = from_caf(error); });
  if (started)
    proxy = colleagues_->get<proxy_actor>();
  return started;
}

void composition::stop() {
  caf::scoped_actor self{system_};
  if (auto ending = std::exchange(supervisor_, nullptr)) {
    self->request(ending, caf::infinite, stop_command{})
      .receive([] {}, [](const caf::error&) {});
    self->wait_for(ending);
  }
  proxy = nullptr;
  std::vector<caf::actor> all;
  {
    std::lock_guard guard{host_mutex_};
    all = std::exchange(host_actors_, {});
  }
  for (const auto& one : all)
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  self->wait_for(all);
}

void composition::add_host_actor(caf::actor actor) {
  std::lock_guard guard{host_mutex_};
  host_actors_.push_back(std::move(actor));
}

} // namespace dbproxy
