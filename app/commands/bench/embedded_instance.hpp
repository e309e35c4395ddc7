// An instance as a process of the bench embeds it.
#pragma once

#include "app/commands/bench/protocol.hpp"
#include "app/instance.hpp"

#include <caf/all.hpp>

#include <memory>

namespace dbproxy {

/// Owns an actor system and the instance in it. The first process of a
/// database that opens one is its primary.
class embedded_instance {
public:
  static result<std::unique_ptr<embedded_instance>>
  start(const bench_order& order, write_routing routing);

  caf::actor_system& system() noexcept { return system_; }
  const instance& get() const noexcept { return *instance_; }

private:
  embedded_instance() : system_(config_) {}

  system_config config_;
  caf::actor_system system_;
  std::optional<instance> instance_;
};

} // namespace dbproxy
