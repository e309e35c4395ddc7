#include "storage/binding.hpp"

#include "messages/json_codec.hpp"

#include <bit>
#include <cstring>
#include <span>

namespace dbproxy::detail {

namespace json = boost::json;

static_assert(
  std::endian::native == std::endian::little && sizeof(float) == 4,
  "float vectors are stored as the bytes that they have in memory");

void bind_floats(statement& to, int index, const std::vector<float>& values) {
  to.bind_blob(index, std::as_bytes(std::span{values}));
}

void bind_json(statement& to, int index, const json::value& value) {
  to.bind_text_copy(index, json::serialize(value));
}

void bind_json(statement& to, int index, const json::object& value) {
  to.bind_text_copy(index, json::serialize(value));
}

column_fault
read_floats(const statement& from, int column, std::vector<float>& values) {
  auto bytes = from.blob(column);
  if (bytes.size() % sizeof(float) != 0)
    return "is no vector of 32-bit floats";
  values.resize(bytes.size() / sizeof(float));
  if (!bytes.empty())
    std::memcpy(values.data(), bytes.data(), bytes.size());
  return nullptr;
}

column_fault read_json(const statement& from, int column, json::value& value) {
  auto parsed = parse_json(from.text(column));
  if (!parsed)
    return "is no JSON";
  value = std::move(*parsed);
  return nullptr;
}

column_fault read_json(const statement& from, int column, json::object& value) {
  json::value parsed;
  if (auto fault = read_json(from, column, parsed); fault != nullptr)
    return fault;
  if (!parsed.is_object())
    return "is no JSON object";
  value = std::move(parsed.get_object());
  return nullptr;
}

int find_column(const statement& from, std::string_view name, int guess) {
  int count = from.column_count();
  if (guess < count && from.column_name(guess) == name)
    return guess;
  for (int column = 0; column < count; ++column)
    if (from.column_name(column) == name)
      return column;
  return -1;
}

write_error unknown_parameter(const statement& to, int index) {
  auto name = to.parameter_name(index);
  return make_error(
    error_code::internal,
    name.empty() ? "the SQL has a parameter without a name, number "
                     + std::to_string(index)
                 : "the SQL has the parameter :" + std::string{name}
                     + ", which is no member of the method's parameters");
}

write_error missing_column(std::string_view name) {
  return make_error(
    error_code::internal,
    "the SQL does not return the column \"" + std::string{name} + "\"");
}

write_error bad_column(std::string_view name, column_fault fault) {
  return make_error(
    error_code::internal, "the column \"" + std::string{name} + "\" " + fault);
}

} // namespace dbproxy::detail
