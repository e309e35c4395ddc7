// From a method's name to a write that can be executed: the catalogue, the
// host's methods, and the dispatcher for the remembrances and for what neither
// of them knows.
#pragma once

#include "actors/errors.hpp"
#include "actors/interfaces.hpp"
#include "storage/methods.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace dbproxy {

/// Where names are registered. Shared by the proxy and the gateway; any
/// thread.
class dispatch {
public:
  explicit dispatch(std::shared_ptr<method_set> methods)
    : methods_(std::move(methods)) {}

  method_set& methods() const noexcept { return *methods_; }

  /// The dispatched writes of the catalogue, and unknown ones, go to
  /// `dispatcher` from now on; it replaces the one before.
  void register_dispatcher(remembrances_dispatcher_actor dispatcher);

  /// dbproxy's own, which counts where the host registered none.
  void set_default_dispatcher(remembrances_dispatcher_actor dispatcher);

  /// True if the host registered one.
  bool has_host_dispatcher() const;

  /// The dispatcher that counts; a null handle if there is none.
  remembrances_dispatcher_actor dispatcher() const;

  /// Serves `name` on the RPC socket. CONFLICT for a name of the protocol's
  /// own (db.*, instance.*, rpc.*) or one that is taken, BUSY past
  /// limits::host_methods_max.
  result<void> register_rpc(std::string name, rpc_method_actor handler);

  /// A null handle if there is none.
  rpc_method_actor find_rpc(std::string_view name) const;

  /// Forgets all actors, so that none is kept alive by this registry.
  void clear();

private:
  std::shared_ptr<method_set> methods_;
  mutable std::mutex mutex_;
  remembrances_dispatcher_actor dispatcher_;
  remembrances_dispatcher_actor default_dispatcher_;
  std::map<std::string, rpc_method_actor, std::less<>> rpc_methods_;
};

/// Prepares the write `name` and calls `done(result<write_ptr>)`: at once, or
/// after the dispatcher's reply, TIMEOUT if that takes longer than `patience`.
/// `self` is the asking actor.
template <class Self, class Done>
void prepare_write(
  Self* self, const dispatch& registry, const std::string& name,
  boost::json::value params, write_ids ids, std::chrono::milliseconds patience,
  Done done) {
  auto entry = registry.methods().find(name, method_kind::write);
  if (entry && !(*entry)->dispatched) {
    auto decoded = (*entry)->params->decode(params);
    if (!decoded) {
      auto error = decoded.error();
      error.method = name;
      done(result<write_ptr>{std::move(error)});
      return;
    }
    done(prepare(*entry, std::move(*decoded), std::move(ids)));
    return;
  }
  auto dispatcher = registry.dispatcher();
  if (!dispatcher) {
    done(result<write_ptr>{make_error(
      error_code::method_not_found, "no dispatcher is registered for it",
      name)});
    return;
  }
  self->request(dispatcher, patience, dispatch_command{name, std::move(params)})
    .then(
      [done, ids](const write_ptr& prepared) mutable {
        auto write = std::make_shared<prepared_write>(*prepared);
        write->request_id = std::move(ids.request_id);
        write->settled_request_id = std::move(ids.settled_request_id);
        write->source_instance_id = std::move(ids.source_instance_id);
        done(result<write_ptr>{std::move(write)});
      },
      [done, name](const caf::error& reason) mutable {
        auto error = from_caf(reason);
        error.method = name;
        error.outcome = write_outcome::not_applied;
        done(result<write_ptr>{std::move(error)});
      });
}

} // namespace dbproxy
