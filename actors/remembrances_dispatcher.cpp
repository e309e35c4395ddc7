#include "actors/remembrances_dispatcher.hpp"

#include "actors/errors.hpp"
#include "actors/last_words.hpp"
#include "messages/fault_point.hpp"

#include <utility>

namespace dbproxy {

result<write_ptr> remembrances_dispatcher_state::prepare_write(
  const dispatch_command& command) const {
  fault_point("dispatcher.prepare");
  auto entry = methods->find(command.method, method_kind::write);
  if (!entry)
    return entry.error();
  auto params = (*entry)->params->decode(command.params);
  if (!params)
    return params.error();
  return prepare(std::move(*entry), std::move(*params), {});
}

remembrances_dispatcher_actor::behavior_type remembrances_dispatcher(
  remembrances_dispatcher_actor::stateful_pointer<remembrances_dispatcher_state>
    self,
  std::shared_ptr<method_set> methods) {
  self->state.methods = std::move(methods);
  set_last_words(self, "dispatcher", [](const write_error&) {});
  return {[self](const dispatch_command& command) -> caf::result<write_ptr> {
    auto prepared = self->state.prepare_write(command);
    if (!prepared)
      return to_caf(prepared.error());
    return std::move(*prepared);
  }};
}

} // namespace dbproxy
