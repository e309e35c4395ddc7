// The JSON parser of every text that comes in: Boost.JSON's, with its limits
// set, and with exact doubles. Boost.JSON 1.81 rounds some decimal fractions
// to the neighbour of the nearest double; then a write that was tried here and
// sent on as JSON would no longer be the same write.
#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <charconv>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

namespace dbproxy {

namespace json = boost::json;

namespace {

/// Builds the value, as Boost.JSON's own handler does, but converts a number
/// with a fraction or an exponent by itself, from its text.
struct exact_handler {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  using text = json::string_view;
  using code = json::error_code;

  json::value_stack stack;
  std::string number; ///< the parts of a number seen so far

  bool on_document_begin(code&) { return true; }
  bool on_document_end(code&) { return true; }
  bool on_object_begin(code&) { return true; }
  bool on_array_begin(code&) { return true; }
  bool on_comment_part(text, code&) { return true; }
  bool on_comment(text, code&) { return true; }

  bool on_object_end(std::size_t n, code&) {
    stack.push_object(n);
    return true;
  }

  bool on_array_end(std::size_t n, code&) {
    stack.push_array(n);
    return true;
  }

  bool on_key_part(text s, std::size_t, code&) {
    stack.push_chars(s);
    return true;
  }

  bool on_key(text s, std::size_t, code&) {
    stack.push_key(s);
    return true;
  }

  bool on_string_part(text s, std::size_t, code&) {
    stack.push_chars(s);
    return true;
  }

  bool on_string(text s, std::size_t, code&) {
    stack.push_string(s);
    return true;
  }

  bool on_number_part(text s, code&) {
    number.append(s.data(), s.size());
    return true;
  }

  bool on_int64(std::int64_t value, text, code&) {
    number.clear();
    stack.push_int64(value);
    return true;
  }

  bool on_uint64(std::uint64_t value, text, code&) {
    number.clear();
    stack.push_uint64(value);
    return true;
  }

  bool on_double(double rounded, text s, code&) {
    number.append(s.data(), s.size());
    auto exact = rounded;
    // Out of range leaves Boost.JSON's infinity or zero as it is.
    std::from_chars(number.data(), number.data() + number.size(), exact);
    number.clear();
    stack.push_double(exact);
    return true;
  }

  bool on_bool(bool value, code&) {
    stack.push_bool(value);
    return true;
  }

  bool on_null(code&) {
    stack.push_null();
    return true;
  }
};

} // namespace

result<json::value>
parse_json(std::string_view text, json::storage_ptr memory) {
  if (text.size() > limits::message_bytes_max)
    return make_error(
      error_code::invalid_params,
      "the text has " + std::to_string(text.size())
        + " bytes, more than message_bytes_max = "
        + std::to_string(limits::message_bytes_max));
  json::parse_options options;
  options.max_depth = limits::json_depth_max;
  options.allow_invalid_utf8 = true;
  json::basic_parser<exact_handler> parser{options};
  parser.handler().stack.reset(std::move(memory));
  json::error_code ec;
  auto used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used < text.size())
    ec = json::error::extra_data;
  if (!ec && !parser.done())
    ec = json::error::incomplete;
  if (ec == json::error::too_deep)
    return make_error(
      error_code::invalid_params,
      "the text is nested deeper than json_depth_max = "
        + std::to_string(limits::json_depth_max));
  if (ec)
    return make_error(
      error_code::invalid_params, "the text is no JSON: " + ec.message());
  return parser.handler().stack.release();
}

} // namespace dbproxy
