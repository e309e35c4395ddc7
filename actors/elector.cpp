#include "actors/elector.hpp"

#include "actors/log.hpp"
#include "transport/leader_lock.hpp"

#include <utility>

namespace dbproxy {

void elector_state::start(pointer self, elector_options options) {
  self_ = self;
  options_.emplace(std::move(options));
  tick();
}

void elector_state::tick() {
  look();
  self_->delayed_send(self_, lock_watch_interval, caf::tick_atom::value);
}

// Looks often for a while, until there is a primary.
void elector_state::search() {
  searched_since_ = clock::now();
  if (std::exchange(searching_, true))
    return;
  self_->delayed_send(
    self_, lock_search_interval, primary_sign{primary_sign::kind::none, {}});
}

void elector_state::look() {
  auto held = is_held(options_->directory);
  auto found = find_primary(options_->directory);
  if (!held || !found) {
    log().warn(
      "the lock cannot be examined: {}",
      to_string(!held ? held.error() : found.error()));
    return;
  }
  auto now = clock::now();
  if (*found != primary_ || !told_) {
    heard_ = now;
    tell(std::move(*found), false);
    if (!primary_)
      search();
  } else if (primary_) {
    auto silent = now - heard_ > options_->silence_max;
    if (silent != silent_)
      tell(primary_, silent);
  }
  if (!*held && options_->claim)
    options_->claim();
}

void elector_state::hear(const primary_sign& sign) {
  if (sign.what == primary_sign::kind::none) {
    searching_ = false;
    auto since = searched_since_;
    look();
    if (!primary_ && clock::now() - since < lock_search_time) {
      search();
      searched_since_ = since;
    }
    return;
  }
  heard_ = clock::now();
  auto over =
    sign.what == primary_sign::kind::ended || sign.topic == topics::shutdown;
  if (over || silent_)
    look();
  if (over)
    search();
}

void elector_state::tell(std::optional<primary_record> primary, bool silent) {
  if (silent)
    log().warn(
      "the primary, {} (pid {}), has not been heard for {} ms",
      primary->instance_id, primary->pid, options_->silence_max.count());
  else if (primary)
    log().info(
      "primary is {} (pid {}, epoch {})", primary->instance_id, primary->pid,
      primary->epoch);
  else
    log().info("there is no primary");
  told_ = true;
  primary_ = std::move(primary);
  silent_ = silent;
  primary_changed news{primary_, silent_};
  self_->send(options_->colleagues->get<forwarder_actor>(), news);
  self_->send(options_->colleagues->get<proxy_actor>(), news);
  options_->where_we_stand->set_primary(primary_);
}

elector_actor::behavior_type
elector(elector_state::pointer self, elector_options options) {
  self->state.start(self, std::move(options));
  return {
    [self](caf::tick_atom) { self->state.tick(); },
    [self](const primary_sign& sign) { self->state.hear(sign); },
  };
}

} // namespace dbproxy
