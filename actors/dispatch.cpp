#include "actors/dispatch.hpp"

#include "messages/limits.hpp"

namespace dbproxy {

void dispatch::register_dispatcher(remembrances_dispatcher_actor dispatcher) {
  std::lock_guard guard{mutex_};
  dispatcher_ = std::move(dispatcher);
}

void dispatch::set_default_dispatcher(
  remembrances_dispatcher_actor dispatcher) {
  std::lock_guard guard{mutex_};
  default_dispatcher_ = std::move(dispatcher);
}

bool dispatch::has_host_dispatcher() const {
  std::lock_guard guard{mutex_};
  return dispatcher_ != nullptr;
}

remembrances_dispatcher_actor dispatch::dispatcher() const {
  std::lock_guard guard{mutex_};
  return dispatcher_ ? dispatcher_ : default_dispatcher_;
}

result<void>
dispatch::register_rpc(std::string name, rpc_method_actor handler) {
  for (std::string_view own : {"db.", "instance.", "rpc."})
    if (name.starts_with(own))
      return make_error(
        error_code::conflict,
        "RPC methods that begin with \"" + std::string{own}
          + "\" are the protocol's own",
        name);
  std::lock_guard guard{mutex_};
  if (rpc_methods_.size() >= limits::host_methods_max)
    return make_error(
      error_code::busy,
      "host_methods_max = " + std::to_string(limits::host_methods_max)
        + " methods are registered",
      name);
  auto method = name;
  if (!rpc_methods_.emplace(std::move(name), std::move(handler)).second)
    return make_error(
      error_code::conflict, "this RPC method is registered already", method);
  return {};
}

rpc_method_actor dispatch::find_rpc(std::string_view name) const {
  std::lock_guard guard{mutex_};
  auto found = rpc_methods_.find(name);
  return found == rpc_methods_.end() ? rpc_method_actor{} : found->second;
}

void dispatch::clear() {
  std::lock_guard guard{mutex_};
  dispatcher_ = nullptr;
  default_dispatcher_ = nullptr;
  rpc_methods_.clear();
}

} // namespace dbproxy
