// The envelopes of JSON-RPC 2.0, both ways: texts into requests and responses,
// and back. What a method means is none of this file's business.
#pragma once

#include "messages/errors.hpp"
#include "messages/json_text.hpp"

#include <boost/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dbproxy {

// Everything here is a value or a function without state; any thread.

/// The errors that the specification itself defines.
enum class rpc_fault_kind : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
};

/// One request or notification.
struct rpc_request {
  /// A string, a number or null, to be returned as it is; a notification,
  /// which is not answered, has none.
  std::optional<boost::json::value> id;
  std::string method;
  /// An object, an array, or null where there are none.
  boost::json::value params;

  bool is_notification() const noexcept { return !id; }
};

/// What is answered with one of the specification's errors.
struct rpc_fault {
  rpc_fault_kind kind = rpc_fault_kind::internal_error;
  /// `error.message`.
  std::string message;
  /// `error.data`.
  write_error data;
  /// Of the request, as far as it could be told; else null.
  boost::json::value id;
};

/// The fault of that kind: `error.message` is the specification's text,
/// `detail` is the message of `error.data`.
rpc_fault make_fault(
  rpc_fault_kind kind, std::string detail, boost::json::value id = nullptr);

using rpc_call = std::variant<rpc_request, rpc_fault>;

/// What one text asks for.
struct rpc_message {
  /// True if the answer is to be an array, of the answers of all calls that
  /// are no notifications; no answer at all if there is none.
  bool batch = false;
  /// At least one.
  std::vector<rpc_call> calls;
};

/// The calls in a text. Never fails: what is wrong is a fault among them. A
/// text that is no JSON, that is longer than limits::message_bytes_max or
/// nested deeper than limits::json_depth_max, an empty batch and one of more
/// than limits::batch_calls_max are one fault, not in a batch.
rpc_message parse_message(std::string_view text);

/// One response.
struct rpc_response {
  boost::json::value id;
  result<boost::json::value> outcome;
};

/// The response in a text. An error without the data of this protocol gets the
/// code that its number stands for; where nothing says otherwise, its outcome
/// is unknown. INTERNAL, outcome unknown, if the text is no response.
/// Its values live in `memory`.
result<rpc_response>
parse_response(std::string_view text, boost::json::storage_ptr memory = {});

/// The error of a response: `code` is the JSON-RPC number, `data` the write
/// error.
boost::json::object error_object(const write_error& error);

// Texts. Strings must be UTF-8.

/// A request; params that are null are left out.
std::string request_text(
  const boost::json::value& id, std::string_view method,
  const boost::json::value& params);
std::string request_text(
  const boost::json::value& id, std::string_view method,
  const json_text& params);

/// A notification; params that are null are left out.
std::string
notification_text(std::string_view method, const boost::json::value& params);

/// The response to a call that succeeded.
std::string
success_text(const boost::json::value& id, const boost::json::value& result);
std::string success_text(const boost::json::value& id, const json_text& result);

/// The response to a call that failed.
std::string error_text(const boost::json::value& id, const write_error& error);

/// The response to what was no proper call.
std::string fault_text(const rpc_fault& fault);

/// The response to a batch, from the responses to its calls; at least one.
std::string batch_text(const std::vector<std::string>& responses);

} // namespace dbproxy
