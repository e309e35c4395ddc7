// What an `instance` owns: the supervisor, what its threads look at, and the
// host's own actors.
#pragma once

#include "actors/dispatch.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/roster.hpp"
#include "actors/standing.hpp"
#include "app/options.hpp"

#include <caf/all.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace dbproxy {

/// Start and stop it from one thread at a time.
class composition {
public:
  composition(caf::actor_system& system, instance_options wanted);

  composition(const composition&) = delete;
  composition& operator=(const composition&) = delete;
  ~composition() { stop(); }

  result<void> start();
  void stop();
  void add_host_actor(caf::actor actor);

private:
  result<void> check_options();

  caf::actor_system& system_;

public:
  instance_options options;
  std::shared_ptr<standing> where_we_stand = std::make_shared<standing>();
  std::shared_ptr<dispatch> registry;
  std::shared_ptr<metrics> figures = std::make_shared<metrics>();
  proxy_actor proxy;

private:
  roster_ptr colleagues_ = std::make_shared<roster>();
  supervisor_actor supervisor_;
  std::vector<caf::actor> host_actors_;
  std::mutex host_mutex_;
};

} // namespace dbproxy
