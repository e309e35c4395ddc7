#include "actors/elector.hpp"

#include "actors/log.hpp"

#include <utility>

namespace dbproxy {

namespace {

void look(elector_actor::stateful_pointer<elector_state> self) {
  auto& options = *self->state.options;
  auto found = find_primary(options.directory);
  if (!found) {
    log().warn("the lock cannot be examined: {}", to_string(found.error()));
    return;
  }
  if (*found == options.primary)
    return;
  options.primary = std::move(*found);
  if (options.primary)
    log().info(
      "primary is {} (pid {}, epoch {})", options.primary->instance_id,
      options.primary->pid, options.primary->epoch);
  else
    log().info("there is no primary");
  primary_changed news{options.primary};
  self->send(options.forwarder, news);
  self->send(self->state.proxy, news);
  if (options.on_change)
    options.on_change(news);
}

} // namespace

elector_actor::behavior_type elector(
  elector_actor::stateful_pointer<elector_state> self, elector_options options,
  proxy_actor proxy) {
  self->state.options.emplace(std::move(options));
  self->state.proxy = std::move(proxy);
  self->delayed_send(self, lock_watch_interval, caf::tick_atom::value);
  return {
    [self](caf::tick_atom) {
      look(self);
      self->delayed_send(self, lock_watch_interval, caf::tick_atom::value);
    },
  };
}

} // namespace dbproxy
