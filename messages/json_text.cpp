#include "messages/json_text.hpp"

#include <array>
#include <charconv>

namespace dbproxy::detail {

namespace json = boost::json;

namespace {

/// Drains a serializer that has been given its value.
void drain(json::serializer& from, std::string& out) {
  std::array<char, 1024> part;
  while (!from.done()) {
    auto text = from.read(part.data(), part.size());
    out.append(text.data(), text.size());
  }
}

} // namespace

void append_text(std::string& out, const std::string& value) {
  json::serializer text;
  text.reset(json::string_view{value.data(), value.size()});
  drain(text, out);
}

void append_text(std::string& out, std::int64_t value) {
  std::array<char, 24> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end.ptr);
}

void append_text(std::string& out, double value) {
  append_text(out, json::value(value));
}

void append_text(std::string& out, bool value) {
  out += value ? "true" : "false";
}

void append_text(std::string& out, const json::value& value) {
  json::serializer text;
  text.reset(&value);
  drain(text, out);
}

void append_text(std::string& out, const json::object& value) {
  json::serializer text;
  text.reset(&value);
  drain(text, out);
}

} // namespace dbproxy::detail
