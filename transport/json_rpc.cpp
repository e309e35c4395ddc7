#include "transport/json_rpc.hpp"

#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dbproxy {

namespace json = boost::json;

namespace {

struct fault_row {
  rpc_fault_kind kind;
  std::string_view title;
  error_code code;
  write_outcome outcome;
};

constexpr std::array<fault_row, 5> faults{{
  {rpc_fault_kind::parse_error, "Parse error", error_code::invalid_params,
   write_outcome::not_applied},
  {rpc_fault_kind::invalid_request, "Invalid Request",
   error_code::invalid_params, write_outcome::not_applied},
  {rpc_fault_kind::method_not_found, "Method not found",
   error_code::method_not_found, write_outcome::not_applied},
  {rpc_fault_kind::invalid_params, "Invalid params", error_code::invalid_params,
   write_outcome::not_applied},
  {rpc_fault_kind::internal_error, "Internal error", error_code::internal,
   write_outcome::unknown},
}};

const fault_row& row_of(rpc_fault_kind kind) noexcept {
  return *std::ranges::find(faults, kind, &fault_row::kind);
}

/// A fault that names a limit does so in `error.message`, too.
rpc_fault limit_fault(rpc_fault_kind kind, std::string detail) {
  auto fault = make_fault(kind, std::move(detail));
  fault.message += ": " + fault.data.message;
  return fault;
}

/// The depth of the arrays and objects in a text that may be no JSON at all.
std::size_t nesting_of(std::string_view text) noexcept {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!quoted && (c == ']' || c == '}') && depth > 0)
      --depth;
  }
  return deepest;
}

rpc_fault unparsable(std::string_view text, std::string detail) {
  if (text.size() > limits::message_bytes_max)
    return limit_fault(rpc_fault_kind::invalid_request, std::move(detail));
  if (nesting_of(text) > limits::json_depth_max)
    return limit_fault(rpc_fault_kind::parse_error, std::move(detail));
  return make_fault(rpc_fault_kind::parse_error, std::move(detail));
}

/// A string that can be sent back.
bool is_text(const json::value& value) noexcept {
  const auto* text = value.if_string();
  return text != nullptr && is_utf8({text->data(), text->size()});
}

rpc_call parse_call(json::value& call) {
  const auto refuse = [](std::string detail, json::value id) {
    return make_fault(
      rpc_fault_kind::invalid_request, std::move(detail), std::move(id));
  };
  auto* object = call.if_object();
  if (object == nullptr)
    return refuse(
      "a request is an object, not " + std::string{kind_name(call)}, nullptr);
  rpc_request request;
  if (auto* id = object->if_contains("id")) {
    if (!is_text(*id) && !id->is_number() && !id->is_null())
      return refuse("\"id\" must be a string, a number or null", nullptr);
    request.id = std::move(*id);
  }
  const auto refuse_this = [&](std::string detail) {
    auto id = request.id ? std::move(*request.id) : json::value{};
    return refuse(std::move(detail), std::move(id));
  };
  const auto* version = object->if_contains("jsonrpc");
  if (version == nullptr || *version != "2.0")
    return refuse_this("\"jsonrpc\" must be \"2.0\"");
  const auto* method = object->if_contains("method");
  if (method == nullptr || !is_text(*method))
    return refuse_this("\"method\" must be a string");
  request.method = std::string_view{method->get_string()};
  if (auto* params = object->if_contains("params")) {
    if (!params->is_structured())
      return refuse_this("\"params\" must be an object or an array");
    request.params = std::move(*params);
  }
  return request;
}

/// What is known of the effect of a call that failed with this code and no
/// word about it.
write_outcome usual_outcome(error_code code) noexcept {
  switch (code) {
  case error_code::timeout:
  case error_code::unreachable:
  case error_code::internal:
    return write_outcome::unknown;
  default:
    return write_outcome::not_applied;
  }
}

std::optional<std::string_view>
find_text(const json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  if (member == nullptr || !is_text(*member))
    return std::nullopt;
  return std::string_view{member->get_string()};
}

/// The write error in `error.data`, nothing if there is none.
std::optional<write_error> parse_data(const json::object& data) {
  const auto name = find_text(data, "code");
  const auto code = name ? parse_error_code(*name) : std::nullopt;
  const auto message = find_text(data, "message");
  if (!code || !message)
    return std::nullopt;
  auto error = make_error(
    *code, std::string{*message}, find_text(data, "method").value_or(""));
  const auto outcome = find_text(data, "outcome");
  if (outcome == to_string(write_outcome::unknown))
    error.outcome = write_outcome::unknown;
  else if (outcome != to_string(write_outcome::not_applied))
    error.outcome = usual_outcome(*code);
  return error;
}

/// Every number that this protocol and the specification define.
write_error error_of_number(std::int64_t number, std::string message) {
  for (const auto& row : faults)
    if (static_cast<int>(row.kind) == number) {
      // Of these, INVALID_PARAMS is the caller's fault; the envelope is ours.
      const bool envelope = row.kind == rpc_fault_kind::parse_error
                            || row.kind == rpc_fault_kind::invalid_request;
      auto error = make_error(
        envelope ? error_code::internal : row.code, std::move(message));
      error.outcome = row.outcome;
      return error;
    }
  for (const auto code :
       {error_code::timeout, error_code::unreachable,
        error_code::method_not_found, error_code::invalid_params,
        error_code::conflict, error_code::internal, error_code::busy,
        error_code::unavailable})
    if (rpc_number(code) == number) {
      auto error = make_error(code, std::move(message));
      error.outcome = usual_outcome(code);
      return error;
    }
  auto error = make_error(
    error_code::internal,
    std::move(message) + " (error " + std::to_string(number) + ")");
  error.outcome = write_outcome::unknown;
  return error;
}

write_error parse_error_object(const json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr)
    return error_of_number(0, "an error that is no object");
  if (const auto* data = object->if_contains("data"))
    if (const auto* fields = data->if_object())
      if (auto error = parse_data(*fields))
        return std::move(*error);
  const auto* code = object->if_contains("code");
  const auto* number = code != nullptr ? code->if_int64() : nullptr;
  return error_of_number(
    number != nullptr ? *number : 0,
    std::string{find_text(*object, "message").value_or("no message")});
}

write_error no_response(std::string_view why) {
  std::string text = "the answer is no JSON-RPC response: ";
  text += why;
  auto error = make_error(error_code::internal, std::move(text));
  error.outcome = write_outcome::unknown;
  return error;
}

json::object data_object(const write_error& error) {
  return {
    {"code", to_string(error.code)},
    {"message", error.message},
    {"method", error.method},
    {"retryable", error.is_retryable()},
    {"outcome", to_string(error.outcome)},
  };
}

constexpr std::string_view opening = R"({"jsonrpc":"2.0")";

/// A call up to its id; `params` is JSON, empty where there are none.
std::string call_text(std::string_view method, std::string_view params) {
  std::string text;
  text.reserve(opening.size() + method.size() + params.size() + 64);
  text += opening;
  text += R"(,"method":)";
  text += json::serialize(method);
  if (!params.empty()) {
    text += R"(,"params":)";
    text += params;
  }
  return text;
}

std::string text_of_params(const json::value& params) {
  return params.is_null() ? std::string{} : json::serialize(params);
}

std::string response_text(
  const json::value& id, std::string_view member, const std::string& content) {
  const auto id_text = json::serialize(id);
  std::string text;
  text.reserve(
    opening.size() + member.size() + content.size() + id_text.size() + 16);
  text += opening;
  text += ",\"";
  text += member;
  text += "\":";
  text += content;
  text += R"(,"id":)";
  text += id_text;
  text += '}';
  return text;
}

} // namespace

rpc_fault make_fault(rpc_fault_kind kind, std::string detail, json::value id) {
  const auto& row = row_of(kind);
  auto data = make_error(row.code, std::move(detail));
  data.outcome = row.outcome;
  return {kind, std::string{row.title}, std::move(data), std::move(id)};
}

rpc_message parse_message(std::string_view text) {
  rpc_message message;
  auto parsed = parse_json(text);
  if (!parsed) {
    message.calls.emplace_back(unparsable(text, parsed.error().message));
    return message;
  }
  auto* batch = parsed->if_array();
  if (batch == nullptr) {
    message.calls.push_back(parse_call(*parsed));
    return message;
  }
  if (batch->empty()) {
    message.calls.emplace_back(
      make_fault(rpc_fault_kind::invalid_request, "the batch is empty"));
    return message;
  }
  if (batch->size() > limits::batch_calls_max) {
    message.calls.emplace_back(limit_fault(
      rpc_fault_kind::invalid_request,
      "the batch has " + std::to_string(batch->size())
        + " calls, more than batch_calls_max = "
        + std::to_string(limits::batch_calls_max)));
    return message;
  }
  message.batch = true;
  message.calls.reserve(batch->size());
  for (auto& call : *batch)
    message.calls.push_back(parse_call(call));
  return message;
}

result<rpc_response>
parse_response(std::string_view text, json::storage_ptr memory) {
  auto parsed = parse_json(text, std::move(memory));
  if (!parsed)
    return no_response(parsed.error().message);
  auto* object = parsed->if_object();
  if (object == nullptr)
    return no_response("it is " + std::string{kind_name(*parsed)});
  auto* id = object->if_contains("id");
  if (id == nullptr)
    return no_response("it has no id");
  auto* value = object->if_contains("result");
  const auto* error = object->if_contains("error");
  if ((value == nullptr) == (error == nullptr))
    return no_response("it needs either a result or an error");
  if (error != nullptr)
    return rpc_response{std::move(*id), parse_error_object(*error)};
  return rpc_response{std::move(*id), std::move(*value)};
}

json::object error_object(const write_error& error) {
  return {
    {"code", rpc_number(error.code)},
    {"message", error.message},
    {"data", data_object(error)},
  };
}

std::string request_text(
  const json::value& id, std::string_view method, const json_text& params) {
  auto text = call_text(method, params.text);
  text += R"(,"id":)";
  text += json::serialize(id);
  text += '}';
  return text;
}

std::string request_text(
  const json::value& id, std::string_view method, const json::value& params) {
  return request_text(id, method, json_text{text_of_params(params)});
}

std::string
notification_text(std::string_view method, const json::value& params) {
  return call_text(method, text_of_params(params)) + "}";
}

std::string success_text(const json::value& id, const json_text& result) {
  return response_text(id, "result", result.text);
}

std::string success_text(const json::value& id, const json::value& result) {
  return success_text(id, json_text{json::serialize(result)});
}

std::string error_text(const json::value& id, const write_error& error) {
  return response_text(id, "error", json::serialize(error_object(error)));
}

std::string fault_text(const rpc_fault& fault) {
  const json::object error{
    {"code", static_cast<int>(fault.kind)},
    {"message", fault.message},
    {"data", data_object(fault.data)},
  };
  return response_text(fault.id, "error", json::serialize(error));
}

std::string batch_text(const std::vector<std::string>& responses) {
  std::string text;
  char separator = '[';
  for (const auto& response : responses) {
    text += separator;
    text += response;
    separator = ',';
  }
  text += ']';
  return text;
}

} // namespace dbproxy
