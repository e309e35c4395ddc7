// The checks that decoding makes, for values that never were JSON: whatever
// way a write comes, the same values are refused with the same words.
#pragma once

#include "messages/json_codec.hpp"
#include "messages/limits.hpp"
#include "messages/rules.hpp"

#include <cmath>

namespace dbproxy {

/// The bytes of all strings in `value`.
template <class T>
std::size_t text_bytes(const T& value) {
  std::size_t sum = 0;
  if constexpr (described<T>)
    for_each_member<T>(
      [&](auto, auto pointer) { sum += text_bytes(value.*pointer); });
  else if constexpr (nullable<T>)
    sum = value ? text_bytes(*value) : 0;
  else if constexpr (list<T>)
    for (const auto& element : value)
      sum += text_bytes(element);
  else if constexpr (std::is_same_v<T, std::string>)
    sum = value.size();
  else if constexpr (
    std::is_same_v<
      T, boost::json::value> || std::is_same_v<T, boost::json::object>)
    sum = boost::json::serialize(value).size();
  else
    sum = sizeof(T);
  return sum;
}

namespace detail {

template <class T>
decode_outcome check(const T& value) {
  decode_outcome fault;
  if constexpr (described<T>)
    for_each_member<T>([&](std::string_view name, auto pointer) {
      if (fault)
        return;
      fault = check(value.*pointer);
      if (fault)
        fault = within(name, *std::move(fault));
    });
  else if constexpr (nullable<T>) {
    if (value)
      fault = check(*value);
  } else if constexpr (list<T>) {
    for (std::size_t i = 0; i < value.size(); ++i)
      if ((fault = check(value[i])))
        return within_element(i, *std::move(fault));
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!is_utf8(value))
      fault = decode_fault{{}, "is not valid UTF-8"};
  } else if constexpr (std::is_same_v<T, boost::json::object>) {
    fault = check_object(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value))
      fault = decode_fault{{}, "is not a finite number"};
  }
  return fault;
}

} // namespace detail

/// INVALID_PARAMS, naming the field, for text that is no UTF-8, numbers that
/// are not finite, what breaks the `check_rules` of T, and values past
/// limits::message_bytes_max.
template <class T>
result<void> validate(const T& value) {
  auto fault = detail::check(value);
  if constexpr (requires { check_rules(value); })
    if (!fault)
      fault = check_rules(value);
  if (fault)
    return detail::to_error(*fault);
  if (auto bytes = text_bytes(value); bytes > limits::message_bytes_max)
    return make_error(
      error_code::invalid_params,
      "the parameters have " + std::to_string(bytes)
        + " bytes, more than message_bytes_max = "
        + std::to_string(limits::message_bytes_max));
  return {};
}

} // namespace dbproxy
