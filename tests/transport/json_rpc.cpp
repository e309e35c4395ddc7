// JSON-RPC 2.0 to the letter: the examples of the specification, and what it
// leaves to us.
#define CAF_SUITE json_rpc

#include "transport/json_rpc.hpp"

#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include "caf/test/unit_test.hpp"

using namespace dbproxy;

namespace json = boost::json;

namespace {

const rpc_request* as_request(const rpc_call& call) {
  return std::get_if<rpc_request>(&call);
}

const rpc_fault* as_fault(const rpc_call& call) {
  return std::get_if<rpc_fault>(&call);
}

/// The only call in a text that is no batch.
rpc_call single(std::string_view text) {
  auto message = parse_message(text);
  CAF_REQUIRE(!message.batch);
  CAF_REQUIRE_EQUAL(message.calls.size(), 1u);
  return std::move(message.calls.front());
}

/// "METHOD PARAMS ID", the id "-" for a notification; "fault NUMBER ID".
std::string summary(const rpc_call& call) {
  if (const auto* request = as_request(call))
    return request->method + " " + json::serialize(request->params) + " "
           + (request->id ? json::serialize(*request->id) : "-");
  const auto& fault = *as_fault(call);
  return "fault " + std::to_string(static_cast<int>(fault.kind)) + " "
         + json::serialize(fault.id);
}

std::string summary(std::string_view text) {
  return summary(single(text));
}

std::vector<std::string> batch_summary(std::string_view text) {
  const auto message = parse_message(text);
  CAF_REQUIRE(message.batch);
  std::vector<std::string> found;
  for (const auto& call : message.calls)
    found.push_back(summary(call));
  return found;
}

using summaries = std::vector<std::string>;

bool same(std::string_view text, std::string_view wanted) {
  return json::parse(text) == json::parse(wanted);
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

} // namespace

// -- the specification's examples, section 7 ---------------------------------

CAF_TEST(calls with positional parameters) {
  CAF_CHECK_EQUAL(
    summary(
      R"({"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1})"),
    "subtract [42,23] 1");
  CAF_CHECK_EQUAL(
    summary(
      R"({"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2})"),
    "subtract [23,42] 2");
  CAF_CHECK(
    same(success_text(1, 19), R"({"jsonrpc": "2.0", "result": 19, "id": 1})"));
}

CAF_TEST(calls with named parameters) {
  CAF_CHECK_EQUAL(
    summary(R"({"jsonrpc": "2.0", "method": "subtract",
                "params": {"subtrahend": 23, "minuend": 42}, "id": 3})"),
    R"(subtract {"subtrahend":23,"minuend":42} 3)");
  CAF_CHECK_EQUAL(
    summary(R"({"jsonrpc": "2.0", "method": "subtract",
                "params": {"minuend": 42, "subtrahend": 23}, "id": 4})"),
    R"(subtract {"minuend":42,"subtrahend":23} 4)");
}

CAF_TEST(notifications) {
  CAF_CHECK_EQUAL(
    summary(R"({"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]})"),
    "update [1,2,3,4,5] -");
  CAF_CHECK_EQUAL(
    summary(R"({"jsonrpc": "2.0", "method": "foobar"})"), "foobar null -");
  CAF_CHECK(
    as_request(single(R"({"jsonrpc":"2.0","method":"m"})"))->is_notification());
}

CAF_TEST(a call of a method that does not exist) {
  const auto call =
    single(R"({"jsonrpc": "2.0", "method": "foobar", "id": "1"})");
  CAF_REQUIRE_EQUAL(summary(call), R"(foobar null "1")");
  const auto text = fault_text(make_fault(
    rpc_fault_kind::method_not_found, "there is no method \"foobar\"",
    *as_request(call)->id));
  CAF_CHECK(same(text, R"({"jsonrpc": "2.0", "error": {"code": -32601,
    "message": "Method not found", "data": {"code": "METHOD_NOT_FOUND",
    "message": "there is no method \"foobar\"", "method": "",
    "retryable": false, "outcome": "not_applied"}}, "id": "1"})"));
}

CAF_TEST(a call with invalid JSON) {
  const auto call =
    single(R"({"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz])");
  CAF_REQUIRE_EQUAL(summary(call), "fault -32700 null");
  const auto text = json::parse(fault_text(*as_fault(call)));
  CAF_CHECK_EQUAL(text.at("error").at("code").as_int64(), -32700);
  CAF_CHECK_EQUAL(
    std::string{text.at("error").at("message").as_string()}, "Parse error");
  CAF_CHECK(text.at("id").is_null());
}

CAF_TEST(a call with an invalid request) {
  const auto call =
    single(R"({"jsonrpc": "2.0", "method": 1, "params": "bar"})");
  CAF_REQUIRE_EQUAL(summary(call), "fault -32600 null");
  CAF_CHECK_EQUAL(as_fault(call)->message, "Invalid Request");
}

CAF_TEST(a batch with invalid JSON) {
  CAF_CHECK_EQUAL(
    summary(R"([
      {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method"
    ])"),
    "fault -32700 null");
}

CAF_TEST(an empty batch is one fault) {
  CAF_CHECK_EQUAL(summary("[]"), "fault -32600 null");
}

CAF_TEST(an invalid batch that is not empty) {
  CAF_CHECK(batch_summary("[1]") == summaries{"fault -32600 null"});
}

CAF_TEST(an invalid batch) {
  CAF_CHECK(batch_summary("[1,2,3]") == summaries(3, "fault -32600 null"));
}

CAF_TEST(a batch of everything) {
  const auto found = batch_summary(R"([
    {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
    {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
    {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
    {"foo": "boo"},
    {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"},
     "id": "5"},
    {"jsonrpc": "2.0", "method": "get_data", "id": "9"}])");
  const summaries wanted{
    R"(sum [1,2,4] "1")",
    "notify_hello [7] -",
    R"(subtract [42,23] "2")",
    "fault -32600 null",
    R"(foo.get {"name":"myself"} "5")",
    R"(get_data null "9")"};
  CAF_CHECK(found == wanted);
  CAF_CHECK(same(
    batch_text(
      {success_text("1", 7), success_text("2", 19),
       success_text("9", json::array{"hello", 5})}),
    R"([{"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}])"));
}

CAF_TEST(a batch of notifications) {
  const auto found = batch_summary(R"([
    {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
    {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}])");
  const summaries wanted{"notify_sum [1,2,4] -", "notify_hello [7] -"};
  CAF_CHECK(found == wanted);
}

// -- identifiers -------------------------------------------------------------

CAF_TEST(an id comes back as it was given) {
  for (const auto* id :
       {"1", "0", "-7", "9223372036854775807", "-9223372036854775808",
        "18446744073709551615", "1.5", "\"\"", "\"1\"", "\"\\u00e9\\n\"",
        "null"}) {
    const auto call =
      single(R"({"jsonrpc":"2.0","method":"m","id":)" + std::string{id} + "}");
    const auto* request = as_request(call);
    CAF_REQUIRE(request != nullptr);
    CAF_REQUIRE(request->id);
    CAF_CHECK(!request->is_notification());
    const auto answer = json::parse(success_text(*request->id, true));
    CAF_CHECK(answer.at("id") == json::parse(id));
    CAF_CHECK(answer.at("id").kind() == json::parse(id).kind());
  }
}

CAF_TEST(an id of another type is a fault without one) {
  for (const auto* id : {"true", "[]", "{}", "[1]", "\"\xff\""})
    CAF_CHECK_EQUAL(
      summary(R"({"jsonrpc":"2.0","method":"m","id":)" + std::string{id} + "}"),
      "fault -32600 null");
}

CAF_TEST(a fault bears the id that could be recovered) {
  for (const auto* text :
       {R"({"jsonrpc":"2.0","method":1,"id":7})",
        R"({"jsonrpc":"2.0","method":null,"id":7})",
        R"({"jsonrpc":"2.0","id":7})", R"({"method":"m","id":7})",
        R"({"jsonrpc":"1.0","method":"m","id":7})",
        R"({"jsonrpc":2.0,"method":"m","id":7})",
        R"({"jsonrpc":"2.0","method":"m","params":"bar","id":7})",
        R"({"jsonrpc":"2.0","method":"m","params":null,"id":7})",
        R"({"jsonrpc":"2.0","method":"m","params":1,"id":7})"})
    CAF_CHECK_EQUAL(summary(text), "fault -32600 7");
  CAF_CHECK_EQUAL(
    summary("{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":7}"),
    "fault -32600 7");
}

CAF_TEST(what is no object and no array is a fault) {
  for (const auto* text : {"1", "\"x\"", "null", "true"})
    CAF_CHECK_EQUAL(summary(text), "fault -32600 null");
  for (const auto* text : {"", " ", "{", "{}{}", "\xff"})
    CAF_CHECK_EQUAL(summary(text), "fault -32700 null");
}

// -- limits ------------------------------------------------------------------

CAF_TEST(a message past the size limit is a fault that names it) {
  const auto padded = [](std::size_t size) {
    std::string text = R"({"jsonrpc":"2.0","method":"m","id":1})";
    text.resize(size, ' ');
    return text;
  };
  CAF_CHECK_EQUAL(summary(padded(limits::message_bytes_max)), "m null 1");
  const auto call = single(padded(limits::message_bytes_max + 1));
  CAF_REQUIRE_EQUAL(summary(call), "fault -32600 null");
  for (const auto& text :
       {as_fault(call)->message, as_fault(call)->data.message}) {
    CAF_CHECK(text.find("message_bytes_max = 16777216") != std::string::npos);
    CAF_CHECK(text.find("16777217 bytes") != std::string::npos);
  }
  CAF_CHECK(as_fault(call)->data.code == error_code::invalid_params);
}

CAF_TEST(nesting past the limit is a fault that names it) {
  // The request and its params are two levels.
  const auto call = [](std::size_t depth) {
    return R"({"jsonrpc":"2.0","method":"m","params":)" + nested(depth)
           + R"(,"id":1})";
  };
  const auto fitting = single(call(limits::json_depth_max - 1));
  CAF_CHECK(as_request(fitting) != nullptr);
  for (const auto& text :
       {call(limits::json_depth_max), nested(limits::json_depth_max + 1),
        std::string(1'000'000, '[')}) {
    const auto exceeding = single(text);
    CAF_REQUIRE_EQUAL(summary(exceeding), "fault -32700 null");
    const auto& message = as_fault(exceeding)->message;
    CAF_CHECK(message.find("json_depth_max = 32") != std::string::npos);
  }
  // Brackets in a string are no nesting: that text is merely no JSON.
  const auto quoted = single("[\"\\\"" + std::string(100, '[') + "\"");
  CAF_REQUIRE_EQUAL(summary(quoted), "fault -32700 null");
  CAF_CHECK_EQUAL(as_fault(quoted)->message, "Parse error");
}

CAF_TEST(a batch past the limit is a fault that names it) {
  const auto batch = [](std::size_t calls) {
    std::string text = "[1";
    for (std::size_t i = 1; i < calls; ++i)
      text += ",1";
    return text + "]";
  };
  CAF_CHECK_EQUAL(
    batch_summary(batch(limits::batch_calls_max)).size(),
    limits::batch_calls_max);
  const auto call = single(batch(limits::batch_calls_max + 1));
  CAF_REQUIRE_EQUAL(summary(call), "fault -32600 null");
  const auto& message = as_fault(call)->message;
  CAF_CHECK(message.find("batch_calls_max") != std::string::npos);
}

// -- responses ---------------------------------------------------------------

CAF_TEST(every write error survives the way there and back) {
  for (const auto code :
       {error_code::timeout, error_code::unreachable,
        error_code::method_not_found, error_code::invalid_params,
        error_code::conflict, error_code::internal, error_code::busy,
        error_code::unavailable})
    for (const auto outcome :
         {write_outcome::not_applied, write_outcome::unknown}) {
      auto error = make_error(code, "what \"happened\"", "CreateSession");
      error.outcome = outcome;
      const auto text = error_text("id", error);
      const auto parsed = json::parse(text);
      const auto& object = parsed.at("error");
      CAF_CHECK_EQUAL(object.at("code").as_int64(), rpc_number(code));
      CAF_CHECK_EQUAL(
        object.at("data").at("retryable").as_bool(), is_retryable(code));
      const auto response = parse_response(text);
      CAF_REQUIRE(response);
      CAF_CHECK(response->id == "id");
      CAF_REQUIRE(!response->outcome);
      CAF_CHECK(response->outcome.error() == error);
    }
}

CAF_TEST(a result survives the way there and back) {
  const auto response =
    parse_response(success_text(7, json::parse(R"({"a":[1,null,"x"]})")));
  CAF_REQUIRE(response);
  CAF_CHECK(response->id == 7);
  CAF_REQUIRE(response->outcome);
  CAF_CHECK(*response->outcome == json::parse(R"({"a":[1,null,"x"]})"));
  const auto nothing = parse_response(success_text(7, nullptr));
  CAF_REQUIRE(nothing && nothing->outcome);
  CAF_CHECK(nothing->outcome->is_null());
}

CAF_TEST(requests survive the way there) {
  CAF_CHECK_EQUAL(
    summary(request_text(5, "db.write", json::object{{"a", 1}})),
    R"(db.write {"a":1} 5)");
  CAF_CHECK_EQUAL(
    summary(request_text("x", "a\"b", nullptr)), R"(a"b null "x")");
  CAF_CHECK_EQUAL(summary(notification_text("n", json::array{1})), "n [1] -");
  CAF_CHECK(
    batch_summary(batch_text(
      {request_text(1, "a", nullptr), notification_text("b", nullptr)}))
    == (summaries{"a null 1", "b null -"}));
}

CAF_TEST(an error without our data means what its number says) {
  const auto error_of = [](std::string_view error) {
    const auto response = parse_response(
      R"({"jsonrpc":"2.0","id":1,"error":)" + std::string{error} + "}");
    CAF_REQUIRE(response);
    CAF_REQUIRE(!response->outcome);
    return response->outcome.error();
  };
  struct row {
    const char* number;
    error_code code;
    write_outcome outcome;
  };
  for (const auto& [number, code, outcome] : std::initializer_list<row>{
         {"-32700", error_code::internal, write_outcome::not_applied},
         {"-32600", error_code::internal, write_outcome::not_applied},
         {"-32601", error_code::method_not_found, write_outcome::not_applied},
         {"-32602", error_code::invalid_params, write_outcome::not_applied},
         {"-32603", error_code::internal, write_outcome::unknown},
         {"-32000", error_code::internal, write_outcome::unknown},
         {"1", error_code::internal, write_outcome::unknown},
         {"\"x\"", error_code::internal, write_outcome::unknown},
         {"-32001", error_code::timeout, write_outcome::unknown},
         {"-32005", error_code::conflict, write_outcome::not_applied},
         {"-32007", error_code::busy, write_outcome::not_applied}}) {
    for (const auto* data :
         {"", R"(,"data":"text")", R"(,"data":{})",
          R"(,"data":{"code":"NO SUCH","message":"x"})"}) {
      const auto error = error_of(
        R"({"message":"why","code":)" + std::string{number} + data + "}");
      CAF_CHECK(error.code == code);
      CAF_CHECK(error.outcome == outcome);
      CAF_CHECK(error.message.starts_with("why"));
    }
  }
  CAF_CHECK(error_of("1").code == error_code::internal);
  CAF_CHECK(error_of("{}").outcome == write_outcome::unknown);
  // Data that leaves the outcome out.
  CAF_CHECK(
    error_of(R"({"data":{"code":"TIMEOUT","message":"m"}})").outcome
    == write_outcome::unknown);
  CAF_CHECK(
    error_of(R"({"data":{"code":"BUSY","message":"m"}})").outcome
    == write_outcome::not_applied);
}

CAF_TEST(what is no response is an error of unknown outcome) {
  for (const auto* text :
       {"", "nonsense", "1", "[]", "{}", R"({"jsonrpc":"2.0","result":1})",
        R"({"jsonrpc":"2.0","id":1})",
        R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})"}) {
    const auto response = parse_response(text);
    CAF_REQUIRE(!response);
    CAF_CHECK(response.error().code == error_code::internal);
    CAF_CHECK(response.error().outcome == write_outcome::unknown);
  }
}
