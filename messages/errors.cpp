#include "messages/errors.hpp"

#include <array>
#include <ostream>
#include <utility>

namespace dbproxy {

namespace {

struct code_row {
  error_code code;
  std::string_view name;
  int number;
  bool retryable;
};

constexpr std::array<code_row, 8> codes{{
  {error_code::timeout, "TIMEOUT", -32001, true},
  {error_code::unreachable, "UNREACHABLE", -32002, true},
  {error_code::method_not_found, "METHOD_NOT_FOUND", -32003, false},
  {error_code::invalid_params, "INVALID_PARAMS", -32004, false},
  {error_code::conflict, "CONFLICT", -32005, false},
  {error_code::internal, "INTERNAL", -32006, false},
  {error_code::busy, "BUSY", -32007, true},
  {error_code::unavailable, "UNAVAILABLE", -32008, true},
}};

const code_row& row_of(error_code code) noexcept {
  return codes[static_cast<std::size_t>(code)];
}

} // namespace

std::string_view to_string(error_code code) noexcept {
  return row_of(code).name;
}

std::optional<error_code> parse_error_code(std::string_view name) noexcept {
  for (const auto& row : codes)
    if (row.name == name)
      return row.code;
  return std::nullopt;
}

int rpc_number(error_code code) noexcept {
  return row_of(code).number;
}

bool is_retryable(error_code code) noexcept {
  return row_of(code).retryable;
}

std::string_view to_string(write_outcome outcome) noexcept {
  return outcome == write_outcome::unknown ? "unknown" : "not_applied";
}

std::string to_string(const write_error& error) {
  std::string text{to_string(error.code)};
  text += ": ";
  text += error.message;
  if (!error.method.empty())
    text += " (" + error.method + ")";
  return text;
}

std::ostream& operator<<(std::ostream& out, const write_error& error) {
  return out << to_string(error);
}

write_error
make_error(error_code code, std::string message, std::string_view method) {
  return {
    code, std::move(message), std::string{method}, write_outcome::not_applied};
}

write_failure::write_failure(write_error error)
  : std::runtime_error(to_string(error)),
    error_(std::move(error)) {}

void throw_exception_from_error(
  const write_error& error, const boost::source_location&) {
  throw write_failure{error};
}

} // namespace dbproxy
