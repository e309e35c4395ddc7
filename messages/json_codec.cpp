#include "messages/json_codec.hpp"

#include "messages/limits.hpp"

#include <boost/locale/utf.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace dbproxy {

namespace json = boost::json;

bool is_utf8(std::string_view text) noexcept {
  namespace utf = boost::locale::utf;
  const auto* at = text.data();
  const auto* end = at + text.size();
  constexpr std::uint64_t high_bits = 0x8080'8080'8080'8080ULL;
  while (at != end) {
    // Eight bytes of ASCII at a time: most text is nothing else.
    if (std::uint64_t word = 0; end - at >= std::ptrdiff_t{sizeof word}) {
      std::memcpy(&word, at, sizeof word);
      if ((word & high_bits) == 0) {
        at += sizeof word;
        continue;
      }
    }
    if (static_cast<unsigned char>(*at) < 0x80) {
      ++at;
      continue;
    }
    auto point = utf::utf_traits<char>::decode(at, end);
    if (point == utf::illegal || point == utf::incomplete)
      return false;
  }
  return true;
}

std::string_view kind_name(const json::value& value) noexcept {
  switch (value.kind()) {
  case json::kind::null:
    return "null";
  case json::kind::bool_:
    return "a boolean";
  case json::kind::int64:
  case json::kind::uint64:
    return "an integer";
  case json::kind::double_:
    return "a number";
  case json::kind::string:
    return "a string";
  case json::kind::array:
    return "an array";
  case json::kind::object:
    return "an object";
  }
  return "a value";
}

namespace {

using detail::decode_fault;
using detail::decode_outcome;
using detail::within;
using detail::within_element;

bool is_text(json::string_view text) noexcept {
  return is_utf8({text.data(), text.size()});
}

decode_outcome check_value(const json::value& value, std::size_t depth);

decode_outcome check_members(const json::object& object, std::size_t depth) {
  for (const auto& [key, value] : object) {
    if (!is_text(key))
      return decode_fault{{}, "has a member name that is not valid UTF-8"};
    if (auto fault = check_value(value, depth + 1))
      return within(key, *std::move(fault));
  }
  return {};
}

decode_outcome check_elements(const json::array& array, std::size_t depth) {
  for (std::size_t i = 0; i < array.size(); ++i)
    if (auto fault = check_value(array[i], depth + 1))
      return within_element(i, *std::move(fault));
  return {};
}

decode_outcome check_value(const json::value& value, std::size_t depth) {
  if (value.is_structured() && depth > limits::json_depth_max)
    return decode_fault{
      {},
      "is nested deeper than json_depth_max = "
        + std::to_string(limits::json_depth_max)};
  if (const auto* object = value.if_object())
    return check_members(*object, depth);
  if (const auto* array = value.if_array())
    return check_elements(*array, depth);
  if (const auto* text = value.if_string(); text != nullptr && !is_text(*text))
    return decode_fault{{}, "is not valid UTF-8"};
  if (const auto* number = value.if_double();
      number != nullptr && !std::isfinite(*number))
    return decode_fault{{}, "is not a finite number"};
  return {};
}

} // namespace

namespace detail {

decode_fault within(std::string_view name, decode_fault fault) {
  auto& path = fault.field;
  if (!path.empty() && path.front() != '[')
    path.insert(path.begin(), '.');
  path.insert(0, name);
  return fault;
}

decode_fault within_element(std::size_t index, decode_fault fault) {
  std::string step = "[";
  step += std::to_string(index);
  step += ']';
  return within(step, std::move(fault));
}

decode_outcome unknown_member(
  const json::object& object, std::span<const std::string_view> names) {
  for (const auto& [key, value] : object)
    if (std::find(names.begin(), names.end(), key) == names.end())
      return decode_fault{std::string{key}, "is unknown"};
  return {};
}

decode_outcome check_object(const json::object& object) {
  return check_members(object, 1);
}

decode_fault wrong_type(std::string_view wanted, const json::value& got) {
  std::string what = "must be ";
  what += wanted;
  what += ", not ";
  what += kind_name(got);
  return {{}, std::move(what)};
}

write_error to_error(const decode_fault& fault) {
  auto text = fault.field.empty()
                ? "the value " + fault.what
                : "field \"" + fault.field + "\" " + fault.what;
  return make_error(error_code::invalid_params, std::move(text));
}

std::optional<json::value>
go_nullable(const json::value& value, std::string_view go_type) {
  const auto* object = value.if_object();
  if (object == nullptr || object->size() != 2)
    return std::nullopt;
  const auto* inner = object->if_contains(go_type);
  const auto* valid = object->if_contains("Valid");
  if (inner == nullptr || valid == nullptr || !valid->is_bool())
    return std::nullopt;
  return valid->get_bool() ? *inner : json::value{};
}

decode_outcome decode_into(const json::value& value, std::string& out) {
  const auto* text = value.if_string();
  if (text == nullptr)
    return wrong_type("a string", value);
  if (!is_utf8({text->data(), text->size()}))
    return decode_fault{{}, "is not valid UTF-8"};
  out.assign(text->data(), text->size());
  return {};
}

decode_outcome decode_into(const json::value& value, std::int64_t& out) {
  if (const auto* number = value.if_int64()) {
    out = *number;
    return {};
  }
  if (value.is_uint64())
    return decode_fault{{}, "does not fit into a signed 64-bit integer"};
  return wrong_type("an integer", value);
}

decode_outcome decode_into(const json::value& value, double& out) {
  json::error_code ec;
  if (!value.is_number())
    return wrong_type("a number", value);
  out = value.to_number<double>(ec);
  if (ec || !std::isfinite(out))
    return decode_fault{{}, "is not a finite number"};
  return {};
}

decode_outcome decode_into(const json::value& value, float& out) {
  double wide = 0;
  if (auto fault = decode_into(value, wide))
    return fault;
  if (std::abs(wide) > std::numeric_limits<float>::max())
    return decode_fault{{}, "does not fit into a 32-bit float"};
  out = static_cast<float>(wide);
  return {};
}

decode_outcome decode_into(const json::value& value, bool& out) {
  const auto* flag = value.if_bool();
  if (flag == nullptr)
    return wrong_type("a boolean", value);
  out = *flag;
  return {};
}

decode_outcome decode_into(const json::value& value, json::value& out) {
  out = value;
  return {};
}

decode_outcome decode_into(const json::value& value, json::object& out) {
  const auto* object = value.if_object();
  if (object == nullptr)
    return wrong_type("an object", value);
  if (auto fault = check_object(*object))
    return fault;
  out = *object;
  return {};
}

} // namespace detail

} // namespace dbproxy
