// The JSON text of described structs, written straight from their members: what
// is sent and stored with every write needs no tree of values in between.
#pragma once

#include "messages/described.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dbproxy {

/// A text that is JSON already.
struct json_text {
  std::string text = "null";
};

/// Asked for each member that is a text: is it to be written?
using text_filter =
  std::function<bool(std::string_view name, std::string_view text)>;

namespace detail {

void append_text(std::string& out, const std::string& value);
void append_text(std::string& out, std::int64_t value);
void append_text(std::string& out, double value);
void append_text(std::string& out, bool value);
void append_text(std::string& out, const boost::json::value& value);
void append_text(std::string& out, const boost::json::object& value);

inline void append_text(std::string& out, float value) {
  append_text(out, static_cast<double>(value));
}

inline void append_text(std::string& out, const json_text& value) {
  out += value.text;
}

template <class T>
void append_text(std::string& out, const std::optional<T>& value);
template <class T>
void append_text(std::string& out, const std::vector<T>& values);

/// The name of a member needs no escapes: it is an identifier.
inline void append_name(std::string& out, std::string_view name) {
  out += out.back() == '{' ? "\"" : ",\"";
  out += name;
  out += "\":";
}

template <described T>
void append_text(
  std::string& out, const T& value, const text_filter* keep = nullptr) {
  out += '{';
  for_each_member<T>([&](std::string_view name, auto pointer) {
    const auto& member = value.*pointer;
    using member_type = std::remove_cvref_t<decltype(member)>;
    if constexpr (std::is_same_v<member_type, std::string>)
      if (keep != nullptr && !(*keep)(name, member))
        return;
    if constexpr (std::is_same_v<member_type, std::optional<std::string>>)
      if (keep != nullptr && member && !(*keep)(name, *member))
        return;
    append_name(out, name);
    append_text(out, member);
  });
  out += '}';
}

template <class T>
void append_text(std::string& out, const std::optional<T>& value) {
  if (value)
    append_text(out, *value);
  else
    out += "null";
}

template <class T>
void append_text(std::string& out, const std::vector<T>& values) {
  out += '[';
  for (const auto& value : values) {
    if (&value != values.data())
      out += ',';
    append_text(out, value);
  }
  out += ']';
}

} // namespace detail

/// The same JSON as `encode` (json_codec.hpp) gives, as text.
template <class T>
std::string encode_text(const T& value) {
  std::string out;
  detail::append_text(out, value);
  return out;
}

/// `encode_text` without the text members that the filter refuses. It is asked
/// for the members of a described struct, or of the one in an optional.
template <class T>
std::string encode_text_if(const T& value, const text_filter& keep) {
  std::string out;
  if constexpr (described<T>) {
    detail::append_text(out, value, &keep);
    return out;
  } else if constexpr (nullable<T>) {
    if constexpr (described<typename T::value_type>)
      if (value)
        return encode_text_if(*value, keep);
  }
  detail::append_text(out, value);
  return out;
}

} // namespace dbproxy
