// JSON for described structs, in both directions. Decoding is strict: unknown
// fields, missing ones and wrong types are INVALID_PARAMS that name the field.
#pragma once

#include "messages/described.hpp"
#include "messages/errors.hpp"
#include "messages/json_text.hpp"
#include "messages/rules.hpp"

#include <boost/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dbproxy {

/// Parses one JSON text. INVALID_PARAMS where it is no JSON, longer than
/// limits::message_bytes_max or nested deeper than limits::json_depth_max.
/// Bytes that are no UTF-8 pass: `decode` refuses them with the field's name.
/// The value lives in `memory`.
result<boost::json::value>
parse_json(std::string_view text, boost::json::storage_ptr memory = {});

/// True if `text` is well-formed UTF-8 (Unicode 15, table 3-7). NUL is text.
bool is_utf8(std::string_view text) noexcept;

/// What JSON calls the kind of `value`: "an object", "a string", ...
std::string_view kind_name(const boost::json::value& value) noexcept;

namespace detail {

/// Why a value was refused.
using decode_fault = field_fault;
using decode_outcome = std::optional<decode_fault>;

decode_fault wrong_type(std::string_view wanted, const boost::json::value& got);
write_error to_error(const decode_fault& fault);

/// `fault`, of the member `name` or of an element, as that of the whole.
decode_fault within(std::string_view name, decode_fault fault);
decode_fault within_element(std::size_t index, decode_fault fault);

/// The fault of a member of `object` that is none of `names`, if there is one.
decode_outcome unknown_member(
  const boost::json::object& object, std::span<const std::string_view> names);

/// What is wrong with a JSON object that goes into the database as it is: text
/// or member names that are no UTF-8, numbers that are not finite, and nesting
/// past limits::json_depth_max. The field is the path within the object.
decode_outcome check_object(const boost::json::object& object);

/// The Go original's nullable form, {"String": "x", "Valid": true}: its inner
/// value, JSON null if it is not valid, or nothing if `value` is not one.
std::optional<boost::json::value>
go_nullable(const boost::json::value& value, std::string_view go_type);

decode_outcome decode_into(const boost::json::value& json, std::string& out);
decode_outcome decode_into(const boost::json::value& json, std::int64_t& out);
decode_outcome decode_into(const boost::json::value& json, double& out);
decode_outcome decode_into(const boost::json::value& json, float& out);
decode_outcome decode_into(const boost::json::value& json, bool& out);
decode_outcome
decode_into(const boost::json::value& json, boost::json::value& out);
decode_outcome
decode_into(const boost::json::value& json, boost::json::object& out);

template <class T>
decode_outcome decode_into(const boost::json::value& json, std::vector<T>& out);
template <described T>
decode_outcome decode_into(const boost::json::value& json, T& out);

template <class T>
constexpr std::string_view go_type_name() {
  if constexpr (std::is_same_v<T, std::string>)
    return "String";
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return "Int64";
  else if constexpr (std::is_same_v<T, double>)
    return "Float64";
  else if constexpr (std::is_same_v<T, bool>)
    return "Bool";
  else
    return {};
}

template <class T>
decode_outcome
decode_into(const boost::json::value& json, std::optional<T>& out) {
  out.reset();
  if (json.is_null())
    return {};
  if constexpr (!go_type_name<T>().empty())
    if (auto inner = go_nullable(json, go_type_name<T>()))
      return inner->is_null() ? decode_outcome{}
                              : decode_into(*inner, out.emplace());
  return decode_into(json, out.emplace());
}

template <class T>
decode_outcome
decode_into(const boost::json::value& json, std::vector<T>& out) {
  const auto* array = json.if_array();
  if (array == nullptr)
    return wrong_type("an array", json);
  out.clear();
  out.reserve(array->size());
  for (const auto& element : *array)
    if (auto fault = decode_into(element, out.emplace_back()))
      return within_element(out.size() - 1, *std::move(fault));
  return {};
}

template <described T>
decode_outcome decode_into(const boost::json::value& json, T& out) {
  const auto* object = json.if_object();
  if (object == nullptr)
    return wrong_type("an object", json);
  decode_outcome fault;
  std::size_t known = 0;
  for_each_member<T>([&](std::string_view name, auto pointer) {
    if (fault)
      return;
    using member_type = std::remove_reference_t<decltype(out.*pointer)>;
    const auto* field = object->if_contains(name);
    if (field == nullptr) {
      if constexpr (!nullable<member_type>)
        fault = decode_fault{std::string{name}, "is missing"};
      return;
    }
    ++known;
    fault = decode_into(*field, out.*pointer);
    if (fault)
      fault = within(name, *std::move(fault));
  });
  if (fault || known == object->size())
    return fault;
  return unknown_member(*object, member_names<T>);
}

inline boost::json::value to_json(const std::string& value) {
  return boost::json::string(value);
}
inline boost::json::value to_json(std::int64_t value) {
  return value;
}
inline boost::json::value to_json(double value) {
  return value;
}
inline boost::json::value to_json(float value) {
  return static_cast<double>(value);
}
inline boost::json::value to_json(bool value) {
  return value;
}
inline boost::json::value to_json(const boost::json::value& value) {
  return value;
}
inline boost::json::value to_json(const boost::json::object& value) {
  return value;
}

template <described T>
boost::json::value to_json(const T& value);
template <class T>
boost::json::value to_json(const std::vector<T>& values);

template <class T>
boost::json::value to_json(const std::optional<T>& value) {
  return value ? to_json(*value) : boost::json::value{};
}

template <class T>
boost::json::value to_json(const std::vector<T>& values) {
  boost::json::array array;
  array.reserve(values.size());
  for (const auto& value : values)
    array.push_back(to_json(value));
  return array;
}

template <described T>
boost::json::value to_json(const T& value) {
  boost::json::object object;
  object.reserve(member_count<T>);
  for_each_member<T>([&](std::string_view name, auto pointer) {
    object.emplace(name, to_json(value.*pointer));
  });
  return object;
}

/// The JSON Schema of T.
template <class T>
boost::json::object schema_of() {
  using boost::json::object;
  if constexpr (nullable<T>) {
    auto inner = schema_of<typename T::value_type>();
    return {{"oneOf", {inner, object{{"type", "null"}}}}};
  } else if constexpr (list<T>) {
    return {{"type", "array"}, {"items", schema_of<typename T::value_type>()}};
  } else if constexpr (
    std::is_same_v<T, boost::json::value> || std::is_void_v<T>) {
    if constexpr (std::is_void_v<T>)
      return {{"type", "null"}};
    else
      return {};
  } else if constexpr (std::is_same_v<T, boost::json::object>) {
    return {{"type", "object"}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {{"type", "number"}};
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}};
  } else {
    object properties;
    boost::json::array required;
    for_each_member<T>([&](std::string_view name, auto pointer) {
      using member_type =
        std::remove_cvref_t<decltype(std::declval<T&>().*pointer)>;
      properties.emplace(name, schema_of<member_type>());
      if constexpr (!nullable<member_type>)
        required.emplace_back(name);
    });
    object schema{
      {"type", "object"},
      {"properties", std::move(properties)},
      {"additionalProperties", false}};
    if (!required.empty())
      schema.emplace("required", std::move(required));
    return schema;
  }
}

} // namespace detail

/// The JSON form: members by name, absent optionals as null.
template <class T>
boost::json::value encode(const T& value) {
  return detail::to_json(value);
}

/// The value of a JSON form, or INVALID_PARAMS that names the field. Integers
/// are JSON integers within 64 bits, signed; strings are UTF-8.
template <class T>
result<T> decode(const boost::json::value& json) {
  T out{};
  if (auto fault = detail::decode_into(json, out))
    return detail::to_error(*fault);
  return out;
}

} // namespace dbproxy
