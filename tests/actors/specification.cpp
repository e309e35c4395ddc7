// The examples of the JSON-RPC 2.0 specification (section 7), word for word,
// to a running primary whose host has the methods that they call; from a
// DEALER with and without delimiter and from a REQ.
#define CAF_SUITE specification
#include "app/instance.hpp"
#include "tests/actors/temp_folder.hpp"

#include <zmq.hpp>
#include <zmq_addon.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
namespace json = boost::json;

namespace {

std::int64_t number(const json::value& value) {
  return value.as_int64();
}

result<json::value> subtract(const json::value& params) {
  if (const auto* list = params.if_array())
    return json::value(number(list->at(0)) - number(list->at(1)));
  return json::value(
    number(params.at("minuend")) - number(params.at("subtrahend")));
}

result<json::value> sum(const json::value& params) {
  std::int64_t total = 0;
  for (const auto& one : params.as_array())
    total += number(one);
  return json::value(total);
}

result<json::value> get_data(const json::value&) {
  return json::value(json::array{"hello", 5});
}

result<json::value> ignore(const json::value&) {
  return json::value{};
}

enum class form { dealer, dealer_with_delimiter, req };

/// A client that knows nothing of our code.
class client {
public:
  client(zmq::context_t& context, const std::string& address, form how)
    : form_(how),
      socket_(
        context,
        how == form::req ? zmq::socket_type::req : zmq::socket_type::dealer) {
    constexpr int patience_ms = 60'000;
    socket_.set(zmq::sockopt::rcvtimeo, patience_ms);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.connect(address);
  }

  void send(const std::string& text) {
    if (form_ == form::dealer_with_delimiter)
      socket_.send(zmq::message_t{}, zmq::send_flags::sndmore);
    socket_.send(zmq::buffer(text), zmq::send_flags::none);
  }

  json::value receive() {
    std::vector<zmq::message_t> frames;
    CAF_REQUIRE(zmq::recv_multipart(socket_, std::back_inserter(frames)));
    auto wanted = form_ == form::dealer_with_delimiter ? 2u : 1u;
    CAF_REQUIRE_EQUAL(frames.size(), wanted);
    if (wanted == 2)
      CAF_REQUIRE_EQUAL(frames.front().size(), 0u);
    return json::parse(frames.back().to_string());
  }

private:
  form form_;
  zmq::socket_t socket_;
};

/// The answer without what we add to the specification's errors.
json::value bare(json::value answer) {
  if (auto* list = answer.if_array()) {
    for (auto& one : *list)
      one = bare(one);
    return answer;
  }
  if (auto* error = answer.as_object().if_contains("error"))
    error->as_object().erase("data");
  return answer;
}

/// The specification leaves the order of a batch's answers open.
bool same(const json::value& wanted, const json::value& got) {
  if (!wanted.is_array() || !got.is_array())
    return wanted == got;
  const auto& one = wanted.as_array();
  const auto& other = got.as_array();
  return std::is_permutation(
    one.begin(), one.end(), other.begin(), other.end());
}

struct example {
  const char* request;
  const char* answer; ///< null: none
};

// Section 7 of https://www.jsonrpc.org/specification
const std::vector<example> examples{
  {R"({"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1})",
   R"({"jsonrpc": "2.0", "result": 19, "id": 1})"},
  {R"({"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2})",
   R"({"jsonrpc": "2.0", "result": -19, "id": 2})"},
  {R"({"jsonrpc": "2.0", "method": "subtract",
       "params": {"subtrahend": 23, "minuend": 42}, "id": 3})",
   R"({"jsonrpc": "2.0", "result": 19, "id": 3})"},
  {R"({"jsonrpc": "2.0", "method": "subtract",
       "params": {"minuend": 42, "subtrahend": 23}, "id": 4})",
   R"({"jsonrpc": "2.0", "result": 19, "id": 4})"},
  {R"({"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]})", nullptr},
  {R"({"jsonrpc": "2.0", "method": "foobar"})", nullptr},
  {R"({"jsonrpc": "2.0", "method": "foobar", "id": "1"})",
   R"({"jsonrpc": "2.0",
       "error": {"code": -32601, "message": "Method not found"}, "id": "1"})"},
  {R"({"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz])",
   R"({"jsonrpc": "2.0",
       "error": {"code": -32700, "message": "Parse error"}, "id": null})"},
  {R"({"jsonrpc": "2.0", "method": 1, "params": "bar"})",
   R"({"jsonrpc": "2.0",
       "error": {"code": -32600, "message": "Invalid Request"}, "id": null})"},
  {R"([{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
       {"jsonrpc": "2.0", "method"])",
   R"({"jsonrpc": "2.0",
       "error": {"code": -32700, "message": "Parse error"}, "id": null})"},
  {R"([])",
   R"({"jsonrpc": "2.0",
       "error": {"code": -32600, "message": "Invalid Request"}, "id": null})"},
  {R"([1])",
   R"([{"jsonrpc": "2.0",
        "error": {"code": -32600, "message": "Invalid Request"},
        "id": null}])"},
  {R"([1,2,3])",
   R"([{"jsonrpc": "2.0",
        "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
       {"jsonrpc": "2.0",
        "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
       {"jsonrpc": "2.0",
        "error": {"code": -32600, "message": "Invalid Request"},
        "id": null}])"},
  {R"([{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
       {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
       {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
       {"foo": "boo"},
       {"jsonrpc": "2.0", "method": "foo.get",
        "params": {"name": "myself"}, "id": "5"},
       {"jsonrpc": "2.0", "method": "get_data", "id": "9"}])",
   R"([{"jsonrpc": "2.0", "result": 7, "id": "1"},
       {"jsonrpc": "2.0", "result": 19, "id": "2"},
       {"jsonrpc": "2.0",
        "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
       {"jsonrpc": "2.0",
        "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
       {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}])"},
  {R"([{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
       {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}])",
   nullptr},
};

const auto* const marker =
  R"({"jsonrpc": "2.0", "method": "get_data", "id": "marker"})";

void check_examples(const std::string& address, form how) {
  zmq::context_t context;
  std::optional<client> peer;
  for (const auto& one : examples) {
    if (!peer)
      peer.emplace(context, address, how);
    peer->send(one.request);
    if (one.answer != nullptr) {
      auto got = bare(peer->receive());
      if (!same(json::parse(one.answer), got))
        CAF_ERROR(std::string{one.request} + " gave " + json::serialize(got));
    } else if (how == form::req) {
      // A REQ may not ask again before it is answered: take a new one.
      peer.reset();
    } else {
      peer->send(marker);
      CAF_CHECK(peer->receive().at("id") == "marker");
    }
  }
}

struct fixture {
  test::temp_folder folder;
  system_config config;
  caf::actor_system system{config};
  instance self = start();

  instance start() {
    instance_options options;
    options.database = folder / "a.db";
    auto out = instance::start(system, options).value();
    CAF_REQUIRE(out.register_rpc("subtract", subtract).has_value());
    CAF_REQUIRE(out.register_rpc("sum", sum).has_value());
    CAF_REQUIRE(out.register_rpc("get_data", get_data).has_value());
    for (const auto* name : {"update", "notify_hello", "notify_sum"})
      CAF_REQUIRE(out.register_rpc(name, ignore).has_value());
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(specification_tests, fixture)

CAF_TEST(the examples hold for a DEALER) {
  check_examples(self.primary().value().rpc_addr, form::dealer);
}

CAF_TEST(the examples hold for a DEALER with delimiter) {
  check_examples(self.primary().value().rpc_addr, form::dealer_with_delimiter);
}

CAF_TEST(the examples hold for a REQ) {
  check_examples(self.primary().value().rpc_addr, form::req);
}

CAF_TEST_FIXTURE_SCOPE_END()
