// The loop as a secondary has it: whatever is asked reaches the primary, which
// may come late, change its address, or not be there at all.
#define CAF_SUITE zmq_loop_secondary

#include "transport/zmq_loop.hpp"

#include "tests/transport/fixtures.hpp"
#include "tests/transport/peers.hpp"

#include "caf/test/unit_test.hpp"

#include <thread>

using namespace dbproxy;
using namespace dbproxy::test;

namespace fs = std::filesystem;

CAF_TEST_FIXTURE_SCOPE(zmq_loop_secondary_tests, loop_fixture)

CAF_TEST(requests reach a primary that is there later) {
  handed_over<std::string> replies;
  auto client = start([](auto) {}, collect(replies));
  client->connect({where().rpc_addr});
  client->send({"one", "two"});
  echo_server server{where()};
  CAF_CHECK(replies.take() == "one");
  CAF_CHECK(replies.take() == "two");
}

CAF_TEST(requests from many threads are all answered) {
  handed_over<std::string> replies;
  echo_server server{where()};
  auto client = start([](auto) {}, collect(replies));
  client->connect({where().rpc_addr});
  constexpr int threads = 8;
  constexpr int each = 500;
  {
    std::vector<std::jthread> senders;
    senders.reserve(threads);
    for (int t = 0; t < threads; ++t)
      senders.emplace_back([&, t] {
        for (int i = 0; i < each; ++i)
          client->send({std::to_string(t * each + i)});
      });
  }
  std::vector<int> last(threads, -1);
  int wrong = 0;
  for (int i = 0; i < threads * each; ++i) {
    const auto reply = replies.take();
    CAF_REQUIRE(reply);
    const auto number = std::stoi(*reply);
    auto& before = last[static_cast<std::size_t>(number / each)];
    // In the order of the thread that asked, so each once.
    wrong += number % each == before + 1 ? 0 : 1;
    before = number % each;
  }
  CAF_CHECK_EQUAL(wrong, 0);
}

CAF_TEST(requests past the queue of the socket wait and are not lost) {
  handed_over<std::string> replies;
  auto client = start([](auto) {}, collect(replies));
  client->connect({where().rpc_addr});
  std::vector<std::string> requests;
  requests.reserve(3000);
  for (int i = 0; i < 3000; ++i)
    requests.push_back(std::to_string(i) + std::string(5000, 'x'));
  client->send(requests);
  echo_server server{where()};
  int wrong = 0;
  for (const auto& request : requests)
    wrong += replies.take() == request ? 0 : 1;
  CAF_CHECK_EQUAL(wrong, 0);
}

CAF_TEST(another address takes the place of the first) {
  recording_server first{where()};
  recording_server second{where("second")};
  handed_over<std::string> replies;
  auto client = start([](auto) {}, collect(replies));
  client->connect({where().rpc_addr});
  client->send({"to the first"});
  auto request = first.take();
  CAF_REQUIRE(request);
  client->connect({where("second").rpc_addr});
  client->send({"to the second"});
  auto another = second.take();
  CAF_REQUIRE(another);
  CAF_CHECK_EQUAL(another->payload, "to the second");
  // The first one's reply comes too late.
  first.loop->reply({std::move(*request)});
  second.loop->reply({std::move(*another)});
  CAF_CHECK(replies.take() == "to the second");
  client->disconnect();
  client->send({"to nobody"});
  client->connect({where().rpc_addr});
  client->send({"to the first again"});
  request = first.take();
  CAF_REQUIRE(request);
  CAF_CHECK_EQUAL(request->payload, "to the first again");
}

CAF_TEST(what is no address is reported and leaves no connection) {
  handed_over<write_error> errors;
  recording_server server{where()};
  auto started = zmq_loop::start(
    {[](auto) {}, [](auto) {},
     [&](write_error error) { errors.put(std::move(error)); }});
  CAF_REQUIRE(started);
  auto& client = **started;
  client.connect({where().rpc_addr});
  client.connect({"nonsense"});
  client.send({"to nobody"});
  const auto error = errors.take();
  CAF_REQUIRE(error);
  CAF_CHECK(error->code == error_code::internal);
  CAF_CHECK(error->message.find("nonsense") != std::string::npos);
  client.connect({where().rpc_addr});
  client.send({"to the server"});
  const auto request = server.take();
  CAF_REQUIRE(request);
  CAF_CHECK_EQUAL(request->payload, "to the server");
}

// -- the end -----------------------------------------------------------------

CAF_TEST(what was posted is sent before the end) {
  recording_server server{where()};
  constexpr int count = 300;
  const std::string padding(8U << 10U, 'x');
  {
    auto client = start([](auto) {}, [](auto) {});
    client->connect({where().rpc_addr});
    std::vector<std::string> requests;
    requests.reserve(count);
    for (int i = 0; i < count; ++i)
      requests.push_back(std::to_string(i) + padding);
    client->send(std::move(requests));
  }
  int wrong = 0;
  for (int i = 0; i < count; ++i) {
    const auto request = server.take();
    CAF_REQUIRE(request);
    wrong += request->payload == std::to_string(i) + padding ? 0 : 1;
  }
  CAF_CHECK_EQUAL(wrong, 0);
}

CAF_TEST(the end does not wait for ever for a peer that is not there) {
  {
    auto client = start([](auto) {}, [](auto) {});
    client->connect({where().rpc_addr});
    client->send(std::vector<std::string>(1000, "to nobody"));
  }
  recording_server server{where()};
  raw_peer deaf{zmq::socket_type::dealer, where().rpc_addr};
  deaf.send({"ask"});
  const auto request = server.take();
  CAF_REQUIRE(request);
  auto large = *request;
  large.payload.assign(64U << 10U, 'x');
  server.loop->reply(std::vector<peer_message>(4000, large));
  server.loop.reset();
  CAF_CHECK(!fs::exists(*ipc_path(where().rpc_addr)));
}

CAF_TEST_FIXTURE_SCOPE_END()
