// What an instance can be told when it starts.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/proxy.hpp"
#include "actors/role.hpp"
#include "actors/supervision.hpp"
#include "storage/methods.hpp"
#include "storage/sqlite.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace dbproxy {

struct instance_options {
  /// The database; created where it does not exist.
  std::filesystem::path database;
  role_request role = role_request::automatic;
  /// At most limits::instance_id_bytes_max; generated where it is empty.
  std::string instance_id;
  sync_mode sync = sync_mode::full;
  write_timeouts timeouts;
  write_routing routing = write_routing::automatic;
  supervision watch;
  /// Threads that read, each with a connection of its own; at least 1.
  std::size_t readers = 2;
  /// Without it the instance neither takes the lock nor opens sockets: it
  /// reads and writes the file by itself.
  bool networking = true;
  /// The host's methods beside the catalogue; null for the catalogue alone.
  /// More may be added while the instance runs.
  std::shared_ptr<method_set> methods;
  /// Called after the role changed while the instance runs, on a thread of its
  /// own; it must not wait for the instance.
  std::function<void(instance_role)> on_role_change = {};
};

} // namespace dbproxy
