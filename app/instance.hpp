// The embeddable instance: starts what a role needs on a host's actor system,
// and hands out the proxy. The one way in which an instance comes to be.
#pragma once

#include "app/options.hpp"
#include "app/querier.hpp"
#include "transport/leader_lock.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace dbproxy {

class composition;

/// A configuration for actor systems that host an instance: one thread runs
/// the actors and serves the sockets, so that a write changes threads seldom
/// and an idle instance is idle. Actors that block or compute for long are to
/// be spawned detached. A host may bring another configuration; the sockets
/// then have a thread of their own.
class system_config : public caf::actor_system_config {
public:
  system_config();
};

/// A running instance. Movable; stops when it goes out of scope. Start and
/// stop it from one thread at a time, and not from an actor's handler; the
/// handles that it gives away may be used from any thread. The actor system
/// must outlive it.
class instance {
public:
  /// Opens the database, takes its role, and serves. The error says what could
  /// not be had, where, and what to do; then nothing is left running.
  static result<instance>
  start(caf::actor_system& system, instance_options options);

  instance(instance&&) noexcept;
  instance& operator=(instance&&) noexcept;
  ~instance();

  /// The proxy: one typed message per method. Stays valid until `stop`.
  const proxy_actor& proxy() const;

  /// The blocking facade.
  querier db() const;

  instance_role role() const;
  const std::string& id() const;

  /// The canonical path of the database.
  const std::filesystem::path& database() const;

  /// On a primary its own record; on a secondary the primary's, if there is
  /// one at the moment.
  std::optional<primary_record> primary() const;

  /// Waits until a primary is known; false if it takes longer than `timeout`.
  bool wait_for_primary(std::chrono::milliseconds timeout) const;

  /// Methods may be added at any time; see method_set.
  method_set& methods() const;

  /// What this instance did: counters and latencies by method and route.
  boost::json::object metrics() const;

  /// Writes that were tried a second time, or another way.
  std::int64_t retries() const;

  /// Write methods that neither the catalogue nor the host knows go to this
  /// dispatcher from now on. It replaces the one before and is stopped with
  /// the instance.
  void register_dispatcher(remembrances_dispatcher_actor dispatcher);

  /// Serves an RPC method of the host's on the primary's socket. It runs on an
  /// actor of its own. CONFLICT for a name that is taken or the protocol's.
  result<void> register_rpc(
    std::string name,
    std::function<result<boost::json::value>(const boost::json::value&)>
      handler);

  /// Admits no more, waits for what is under way, releases the role, announces
  /// that, and closes. Does nothing the second time.
  void stop();

private:
  explicit instance(std::unique_ptr<composition> state);

  std::unique_ptr<composition> parts_;
};

} // namespace dbproxy
