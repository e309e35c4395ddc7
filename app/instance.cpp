#include "app/instance.hpp"

#include "actors/event_scheduler.hpp"
#include "app/composition.hpp"

#include <utility>

namespace dbproxy {

namespace {

rpc_method_actor::behavior_type host_method_behavior(
  std::function<result<boost::json::value>(const boost::json::value&)>
    handler) {
  return {[handler](const host_call& call) -> caf::result<host_value> {
    auto outcome = handler(call.params);
    if (!outcome)
      return to_caf(outcome.error());
    return host_value{std::move(*outcome)};
  }};
}

} // namespace

system_config::system_config() {
  load<event_scheduler>();
}

instance::instance(std::unique_ptr<composition> state)
  : parts_(std::move(state)) {}
instance::instance(instance&&) noexcept = default;
instance& instance::operator=(instance&&) noexcept = default;
instance::~instance() = default;

result<instance>
instance::start(caf::actor_system& system, instance_options options) {
  auto state = std::make_unique<composition>(system, std::move(options));
  if (auto started = state->start(); !started)
    return started.error();
  return instance{std::move(state)};
}

const proxy_actor& instance::proxy() const {
  return parts_->proxy;
}

querier instance::db() const {
  return {parts_->proxy->home_system(), parts_->proxy, parts_->options.methods};
}

instance_role instance::role() const {
  return parts_->where_we_stand->role();
}

const std::string& instance::id() const {
  return parts_->options.instance_id;
}

const std::filesystem::path& instance::database() const {
  return parts_->options.database;
}

std::optional<primary_record> instance::primary() const {
  return parts_->where_we_stand->primary();
}

bool instance::wait_for_primary(std::chrono::milliseconds timeout) const {
  return parts_->where_we_stand->wait_for_primary(timeout);
}

method_set& instance::methods() const {
  return *parts_->options.methods;
}

std::int64_t instance::retries() const {
  return parts_->figures->retries();
}

boost::json::object instance::metrics() const {
  return parts_->figures->to_json();
}

void instance::register_dispatcher(remembrances_dispatcher_actor dispatcher) {
  parts_->add_host_actor(caf::actor_cast<caf::actor>(dispatcher));
  parts_->registry->register_dispatcher(std::move(dispatcher));
}

result<void> instance::register_rpc(
  std::string name,
  std::function<result<boost::json::value>(const boost::json::value&)>
    handler) {
  auto& system = parts_->proxy->home_system();
  auto actor = system.spawn(host_method_behavior, std::move(handler));
  parts_->add_host_actor(caf::actor_cast<caf::actor>(actor));
  return parts_->registry->register_rpc(std::move(name), std::move(actor));
}

void instance::stop() {
  parts_->stop();
}

} // namespace dbproxy
