// Every method of the Querier. The dispatch by name, the typed messages, the
// OpenRPC document, the command line's help and the contract test derive from
// this list.
#pragma once

#include "messages/boxed.hpp"
#include "messages/code_index.hpp"
#include "messages/improvement.hpp"
#include "messages/knowledge_base.hpp"
#include "messages/memory_events.hpp"
#include "messages/method.hpp"
#include "messages/projects.hpp"
#include "messages/sessions.hpp"

namespace dbproxy {

/// The parameter structs of all methods.
using catalogue = boost::mp11::mp_append<
  session_methods, project_methods, improvement_methods, knowledge_base_methods,
  memory_event_methods, code_index_methods>;

/// Calls `f(std::type_identity<M>{})` for every method.
template <class F>
constexpr void for_each_method(F&& f) {
  using namespace boost::mp11;
  mp_for_each<mp_transform<std::type_identity, catalogue>>(f);
}

/// The codec of a method's result.
template <method M>
const value_codec& result_codec() {
  return codec_for<typename M::returns>();
}

} // namespace dbproxy
