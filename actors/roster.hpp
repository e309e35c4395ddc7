// Who does what in an instance at the moment. Actors that are replaced while
// the instance runs are looked up here each time they are needed.
#pragma once

#include "actors/interfaces.hpp"

#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace dbproxy {

/// Any thread. A null handle where nobody does it: for the moment, or in the
/// present role.
class roster {
public:
  template <class Handle>
  Handle get() const {
    std::lock_guard guard{mutex_};
    return std::get<Handle>(handles_);
  }

  template <class Handle>
  void set(Handle handle) {
    std::lock_guard guard{mutex_};
    std::get<Handle>(handles_) = std::move(handle);
  }

  /// Drops all handles, so that none is kept alive from here.
  void clear() {
    std::lock_guard guard{mutex_};
    handles_ = {};
  }

private:
  mutable std::mutex mutex_;
  std::tuple<
    writer_actor, coordinator_actor, publisher_actor, gateway_actor,
    request_parser_actor, forwarder_actor, elector_actor, proxy_actor>
    handles_;
};

using roster_ptr = std::shared_ptr<roster>;

} // namespace dbproxy
