// What a read or write method is: a described parameter struct that names its
// result type and carries its specification.
#pragma once

#include "messages/described.hpp"

#include <concepts>
#include <string_view>

namespace dbproxy {

enum class method_kind { read, write };

/// Which of the two configured timeouts a method has.
enum class timeout_class {
  standard, ///< 5 s by default
  extended, ///< 30 s by default: knowledge base, events and code index
};

/// What is known of a method besides its parameters and its result.
struct method_spec {
  std::string_view name;
  method_kind kind = method_kind::read;
  std::string_view topic; ///< of the event after its commit; reads have none
  timeout_class timeout = timeout_class::standard;
  /// A write that the remembrances dispatcher prepares, so that a host can
  /// take it over; others are prepared where they arrive.
  bool dispatched = false;
};

/// The specification of a read.
constexpr method_spec read_method(std::string_view name) {
  method_spec spec;
  spec.name = name;
  return spec;
}

/// The specification of a write whose commits are announced under `topic`.
constexpr method_spec write_method(
  std::string_view name, std::string_view topic,
  timeout_class timeout = timeout_class::standard) {
  return {name, method_kind::write, topic, timeout, false};
}

/// The specification of a write of the knowledge base, the events or the code
/// index.
constexpr method_spec
dispatched_write(std::string_view name, std::string_view topic) {
  return {name, method_kind::write, topic, timeout_class::extended, true};
}

/// A parameter struct that is a method. `returns` is a described record, an
/// optional of one (null when there is none), a vector of them, a number, an
/// optional number, or void.
template <class M>
concept method = described<M> && requires {
  typename M::returns;
  { M::spec } -> std::convertible_to<method_spec>;
};

template <class M>
concept write_params = method<M> && M::spec.kind == method_kind::write;

template <class M>
concept read_params = method<M> && M::spec.kind == method_kind::read;

} // namespace dbproxy
