// The blocking client against a real loop.
#define CAF_SUITE rpc_client

#include "transport/rpc_client.hpp"

#include "transport/json_rpc.hpp"

#include "tests/transport/fixtures.hpp"
#include "tests/transport/peers.hpp"

#include "caf/test/unit_test.hpp"

#include <thread>

using namespace dbproxy;
using namespace dbproxy::test;
using namespace std::chrono_literals;

namespace json = boost::json;

namespace {

/// The request in a message that is known to hold one.
rpc_request request_in(const peer_message& message) {
  return std::get<rpc_request>(parse_message(message.payload).calls.at(0));
}

peer_message answer(peer_message message, std::string text) {
  message.payload = std::move(text);
  return message;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(rpc_client_tests, loop_fixture)

CAF_TEST(a call brings the result) {
  recording_server server{where()};
  auto client = rpc_client::connect(where().rpc_addr);
  CAF_REQUIRE(client);
  for (int i = 0; i < 3; ++i) {
    std::jthread primary{[&] {
      const auto message = server.take();
      const auto request = request_in(*message);
      server.loop->reply({answer(
        *message,
        success_text(
          *request.id, json::array{request.method, request.params}))});
    }};
    const auto result =
      client->call("instance.ping", json::object{{"n", i}}, patience);
    CAF_REQUIRE(result);
    CAF_CHECK(*result == (json::array{"instance.ping", {{"n", i}}}));
  }
}

CAF_TEST(a call brings the error) {
  recording_server server{where()};
  auto client = rpc_client::connect(where().rpc_addr);
  CAF_REQUIRE(client);
  const auto call = [&](auto make_text) {
    std::jthread primary{[&] {
      const auto message = server.take();
      const auto request = request_in(*message);
      server.loop->reply({answer(*message, make_text(*request.id))});
    }};
    const auto result = client->call("db.write", nullptr, patience);
    CAF_REQUIRE(!result);
    return result.error();
  };
  const auto busy =
    make_error(error_code::busy, "the queue is full", "CreateFile");
  CAF_CHECK(
    call([&](const json::value& id) { return error_text(id, busy); }) == busy);
  const auto unknown = call([](const json::value& id) {
    return fault_text(
      make_fault(rpc_fault_kind::method_not_found, "no such method", id));
  });
  CAF_CHECK(unknown.code == error_code::method_not_found);
  CAF_CHECK_EQUAL(unknown.method, "db.write");
  // An error that has lost its id can only be ours.
  const auto lost = call([](const json::value&) {
    return fault_text(make_fault(rpc_fault_kind::parse_error, "garbled"));
  });
  CAF_CHECK(lost.code == error_code::invalid_params);
  const auto nonsense = call([](const json::value&) { return "nonsense"; });
  CAF_CHECK(nonsense.code == error_code::internal);
  CAF_CHECK(nonsense.outcome == write_outcome::unknown);
}

CAF_TEST(where nobody answers a call is unreachable) {
  auto client = rpc_client::connect(where().rpc_addr);
  CAF_REQUIRE(client);
  const auto nobody = client->call("db.write", nullptr, 20ms);
  CAF_REQUIRE(!nobody);
  CAF_CHECK(nobody.error().code == error_code::unreachable);
  CAF_CHECK(nobody.error().outcome == write_outcome::not_applied);
  CAF_CHECK_EQUAL(nobody.error().method, "db.write");
  CAF_CHECK(nobody.error().message.find(where().rpc_addr) != std::string::npos);
  // What was never sent is not sent later, either.
  recording_server server{where()};
  std::optional<write_error> silent;
  while (!silent || silent->outcome == write_outcome::not_applied) {
    const auto result = client->call("instance.ping", nullptr, 50ms);
    CAF_REQUIRE(!result);
    CAF_CHECK(result.error().code == error_code::unreachable);
    silent = result.error();
  }
  const auto message = server.take();
  CAF_REQUIRE(message);
  CAF_CHECK_EQUAL(request_in(*message).method, "instance.ping");
}

CAF_TEST(an answer that comes too late is not taken for another) {
  recording_server server{where()};
  auto client = rpc_client::connect(where().rpc_addr);
  CAF_REQUIRE(client);
  // Until a call is sent and given up.
  while (client->call("first", nullptr, 50ms).error().outcome
         == write_outcome::not_applied)
    continue;
  const auto first = server.take();
  CAF_REQUIRE(first);
  std::jthread primary{[&] {
    const auto second = server.take();
    server.loop->reply(
      {answer(*first, success_text(*request_in(*first).id, "first")),
       answer(*second, success_text(*request_in(*second).id, "second"))});
  }};
  const auto result = client->call("second", nullptr, patience);
  CAF_REQUIRE(result);
  CAF_CHECK(*result == "second");
}

CAF_TEST(what is no address has no client) {
  const auto client = rpc_client::connect("nonsense");
  CAF_REQUIRE(!client);
  CAF_CHECK(client.error().message.find("nonsense") != std::string::npos);
  CAF_CHECK(!rpc_client::connect(""));
}

CAF_TEST(a client can be moved and replaced) {
  echo_server silent{where()};
  auto client = rpc_client::connect(where().rpc_addr).value();
  client = rpc_client::connect(where().rpc_addr).value();
  auto moved = std::move(client);
  CAF_CHECK(!moved.call("x", nullptr, patience));
}

CAF_TEST_FIXTURE_SCOPE_END()
