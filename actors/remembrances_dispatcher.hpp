// The remembrances dispatcher: prepares the writes of the knowledge base, the
// events and the code index, so that neither the writer nor the actors that
// everything else passes through have their work to do.
#pragma once

#include "actors/interfaces.hpp"
#include "storage/methods.hpp"

#include <memory>

namespace dbproxy {

struct remembrances_dispatcher_state {
  static inline const char* name = "remembrances_dispatcher";

  result<write_ptr> prepare_write(const dispatch_command& command) const;

  std::shared_ptr<method_set> methods;
};

/// Knows the dispatched writes of the catalogue. Where a host application has
/// one of its own, that may pass on what it leaves alone.
remembrances_dispatcher_actor::behavior_type remembrances_dispatcher(
  remembrances_dispatcher_actor::stateful_pointer<remembrances_dispatcher_state>
    self,
  std::shared_ptr<method_set> methods);

} // namespace dbproxy
