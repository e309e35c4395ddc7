// The loop as a primary has it: every form of request, many at once, slow and
// hostile peers, events, and an orderly end.
#define CAF_SUITE zmq_loop

#include "transport/zmq_loop.hpp"

#include "messages/limits.hpp"

#include "tests/transport/fixtures.hpp"
#include "tests/transport/peers.hpp"

#include "caf/test/unit_test.hpp"

#include <thread>

using namespace dbproxy;
using namespace dbproxy::test;

namespace fs = std::filesystem;

CAF_TEST_FIXTURE_SCOPE(zmq_loop_tests, loop_fixture)

// -- requests ----------------------------------------------------------------

CAF_TEST(a reply has the form of its request) {
  echo_server server{where()};
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  dealer.send({"plain"});
  CAF_CHECK(dealer.receive() == frames{"plain"});
  dealer.send({"", "delimited"});
  CAF_CHECK(dealer.receive() == (frames{"", "delimited"}));
  raw_peer req{zmq::socket_type::req, where().rpc_addr};
  for (const auto* text : {"first", "second"}) {
    req.send({text});
    CAF_CHECK(req.receive() == frames{text});
  }
}

CAF_TEST(an empty payload has the form that it came in) {
  echo_server server{where()};
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  dealer.send({""});
  CAF_CHECK(dealer.receive() == frames{""});
  dealer.send({"", ""});
  CAF_CHECK(dealer.receive() == (frames{"", ""}));
  raw_peer req{zmq::socket_type::req, where().rpc_addr};
  req.send({""});
  CAF_CHECK(req.receive() == frames{""});
}

CAF_TEST(a message with other frames is malformed and can be answered) {
  recording_server server{where()};
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  for (const auto& [sent, delimiter] :
       std::initializer_list<std::pair<frames, bool>>{
         {{"a", "b"}, false},
         {{"a", "b", "c"}, false},
         {{"", "b", "c"}, true},
         {{"", "", "", ""}, true}}) {
    dealer.send(sent);
    auto request = server.take();
    CAF_REQUIRE(request);
    CAF_CHECK(request->malformed);
    CAF_CHECK_EQUAL(request->delimiter, delimiter);
    CAF_CHECK_EQUAL(request->payload, "");
    request->payload = "no";
    server.loop->reply({*request});
    CAF_CHECK(
      dealer.receive() == (delimiter ? frames{"", "no"} : frames{"no"}));
  }
  dealer.send({"proper"});
  const auto request = server.take();
  CAF_REQUIRE(request);
  CAF_CHECK(!request->malformed);
  CAF_CHECK_EQUAL(request->payload, "proper");
}

CAF_TEST(many requests of several peers are all answered in order) {
  echo_server server{where()};
  std::vector<std::unique_ptr<raw_peer>> peers;
  peers.reserve(5);
  for (int i = 0; i < 5; ++i)
    peers.push_back(
      std::make_unique<raw_peer>(zmq::socket_type::dealer, where().rpc_addr));
  for (int i = 0; i < 200; ++i)
    for (std::size_t p = 0; p < peers.size(); ++p)
      peers[p]->send({std::to_string(p) + ":" + std::to_string(i)});
  int wrong = 0;
  for (int i = 0; i < 200; ++i)
    for (std::size_t p = 0; p < peers.size(); ++p) {
      const auto wanted = std::to_string(p) + ":" + std::to_string(i);
      wrong += peers[p]->receive() == frames{wanted} ? 0 : 1;
    }
  CAF_CHECK_EQUAL(wrong, 0);
}

CAF_TEST(one call of the handler takes a bounded number of requests) {
  handed_over<std::size_t> sizes;
  pipe_ends go;
  auto loop = start(
    [&, first = true](const auto& requests) mutable {
      // While this one is held up the others gather.
      if (std::exchange(first, false))
        go.hear();
      sizes.put(requests.size());
    },
    [](auto) {});
  CAF_REQUIRE(loop->serve(where()));
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  constexpr std::size_t count = 500;
  for (std::size_t i = 0; i < count; ++i)
    dealer.send({"x"});
  go.tell(0);
  std::size_t sum = 0;
  while (sum < count) {
    const auto size = sizes.take();
    CAF_REQUIRE(size);
    CAF_CHECK(*size >= 1 && *size <= limits::receive_round_max);
    sum += *size;
  }
  CAF_CHECK_EQUAL(sum, count);
}

CAF_TEST(a large payload passes and a huge one closes the connection) {
  recording_server server{where()};
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  dealer.watch_disconnects();
  const std::string large(limits::message_bytes_max + 1, 'l');
  dealer.send({large});
  auto request = server.take();
  CAF_REQUIRE(request);
  CAF_CHECK(request->payload == large);
  server.loop->reply({std::move(*request)});
  CAF_CHECK(dealer.receive() == frames{large});
  dealer.send({std::string(limits::frame_bytes_max + 1, 'h')});
  CAF_CHECK(dealer.await_disconnect());
  // The service goes on, for this peer, too.
  dealer.send({"small"});
  request = server.take();
  CAF_REQUIRE(request);
  CAF_CHECK_EQUAL(request->payload, "small");
}

CAF_TEST(a peer that asks much before it reads gets every reply) {
  echo_server server{where()};
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  constexpr int count = 20'000;
  for (int i = 0; i < count; ++i)
    dealer.send({std::to_string(i)});
  int wrong = 0;
  for (int i = 0; i < count; ++i)
    wrong += dealer.receive() == frames{std::to_string(i)} ? 0 : 1;
  CAF_CHECK_EQUAL(wrong, 0);
  CAF_CHECK_EQUAL(server.loop->replies_dropped(), 0u);
}

CAF_TEST(a peer that does not read loses replies past the limit alone) {
  recording_server server{where()};
  raw_peer deaf{zmq::socket_type::dealer, where().rpc_addr};
  raw_peer other{zmq::socket_type::dealer, where().rpc_addr};
  deaf.send({"ask"});
  const auto request = server.take();
  CAF_REQUIRE(request);
  constexpr std::uint64_t count = 80'000;
  std::vector<peer_message> replies;
  for (std::uint64_t i = 0; i < count; ++i) {
    replies.push_back(*request);
    replies.back().payload = std::to_string(i);
  }
  server.loop->reply(std::move(replies));
  // Somebody else is not held up, and is answered after all of that.
  other.send({"ask"});
  const auto another = server.take();
  CAF_REQUIRE(another);
  server.loop->reply({*another});
  CAF_CHECK(other.receive() == frames{"ask"});
  const auto dropped = server.loop->replies_dropped();
  CAF_CHECK(dropped > 0);
  CAF_CHECK(dropped < count - limits::peer_backlog_replies_max);
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < count - dropped; ++i)
    wrong += deaf.receive() == frames{std::to_string(i)} ? 0 : 1;
  CAF_CHECK_EQUAL(wrong, 0u);
  deaf.send({"again"});
  const auto again = server.take();
  CAF_REQUIRE(again);
  server.loop->reply({*again});
  CAF_CHECK(deaf.receive() == frames{"again"});
}

CAF_TEST(a peer that catches up again and again loses nothing) {
  recording_server server{where()};
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  dealer.send({std::string(64U << 10U, 'x')});
  const auto request = server.take();
  CAF_REQUIRE(request);
  // More than ZeroMQ keeps, less than the loop may keep besides.
  constexpr int count = 1200;
  int wrong = 0;
  for (int round = 0; round < 2; ++round) {
    server.loop->reply(std::vector<peer_message>(count, *request));
    for (int i = 0; i < count; ++i)
      wrong += dealer.receive() == frames{request->payload} ? 0 : 1;
  }
  CAF_CHECK_EQUAL(wrong, 0);
  CAF_CHECK_EQUAL(server.loop->replies_dropped(), 0u);
}

CAF_TEST(a reply to a peer that is gone harms nobody) {
  recording_server server{where()};
  raw_peer stays{zmq::socket_type::dealer, where().rpc_addr};
  std::optional<peer_message> request;
  {
    raw_peer leaves{zmq::socket_type::dealer, where().rpc_addr};
    leaves.send({"bye"});
    request = server.take();
    CAF_REQUIRE(request);
  }
  for (int i = 0; i < 2000; ++i)
    server.loop->reply({*request});
  server.loop->reply({peer_message{"nobody", true, false, "x"}});
  stays.send({"still here"});
  request = server.take();
  CAF_REQUIRE(request);
  server.loop->reply({*request});
  CAF_CHECK(stays.receive() == frames{"still here"});
}

// -- serving -----------------------------------------------------------------

CAF_TEST(serving ends in an orderly way) {
  recording_server server{where()};
  CAF_CHECK(fs::exists(*ipc_path(where().rpc_addr)));
  CAF_CHECK(fs::exists(*ipc_path(where().pub_addr)));
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  dealer.send({"last"});
  auto request = server.take();
  CAF_REQUIRE(request);
  request->payload.assign(2U << 20U, 'x');
  const auto wanted = request->payload;
  server.loop->reply({std::move(*request)});
  std::jthread stopper{[&] { server.loop->stop_serving(); }};
  CAF_CHECK(dealer.receive() == frames{wanted});
  stopper.join();
  CAF_CHECK(!fs::exists(*ipc_path(where().rpc_addr)));
  CAF_CHECK(!fs::exists(*ipc_path(where().pub_addr)));
  // Nothing comes of what is too late.
  server.loop->reply({peer_message{"x", false, false, "late"}});
  server.loop->publish("late", "{}");
  server.loop->stop_serving();
  // The same address can be had again.
  CAF_REQUIRE(server.loop->serve(where()));
  raw_peer second{zmq::socket_type::dealer, where().rpc_addr};
  second.send({"again"});
  request = server.take();
  CAF_REQUIRE(request);
  CAF_CHECK_EQUAL(request->payload, "again");
}

CAF_TEST(an address that cannot be had is an error that names it) {
  auto loop = start([](auto) {}, [](auto) {});
  const auto missing = ipc_address((temp / "missing/rpc.sock").native());
  auto served = loop->serve({missing, where().pub_addr});
  CAF_REQUIRE(!served);
  CAF_CHECK(served.error().code == error_code::internal);
  CAF_CHECK(served.error().message.find(missing) != std::string::npos);
  served = loop->serve({where().rpc_addr, missing});
  CAF_REQUIRE(!served);
  CAF_CHECK(!fs::exists(*ipc_path(where().rpc_addr)));
  CAF_CHECK(loop->serve(where()));
  served = loop->serve(where());
  CAF_CHECK(!served);
}

CAF_TEST(a socket that a killed primary left is taken over) {
  leave_socket(*ipc_path(where().rpc_addr));
  leave_socket(*ipc_path(where().pub_addr));
  echo_server server{where()};
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  dealer.send({"hello"});
  CAF_CHECK(dealer.receive() == frames{"hello"});
}

// -- events ------------------------------------------------------------------

CAF_TEST(subscribers get events in order) {
  recording_server server{where()};
  raw_peer all{zmq::socket_type::sub, where().pub_addr};
  raw_peer some{zmq::socket_type::sub, where().pub_addr, "db.file."};
  // A subscription takes its time: events are announced until both are heard.
  while (!all.receive_now())
    server.loop->publish("db.session.created", "early");
  while (!some.receive_now())
    server.loop->publish("db.file.created", "early");
  const std::string large(1U << 20U, 'x');
  server.loop->publish("db.session.created", "1");
  server.loop->publish("db.file.created", large);
  server.loop->publish("db.file.deleted", "3");
  auto event = all.receive();
  while (event.back() == "early")
    event = all.receive();
  CAF_CHECK(event == (frames{"db.session.created", "1"}));
  CAF_CHECK(all.receive() == (frames{"db.file.created", large}));
  CAF_CHECK(all.receive() == (frames{"db.file.deleted", "3"}));
  event = some.receive();
  while (event.back() == "early")
    event = some.receive();
  CAF_CHECK(event == (frames{"db.file.created", large}));
  CAF_CHECK(some.receive() == (frames{"db.file.deleted", "3"}));
  // What is announced last is still sent.
  const std::string huge(2U << 20U, 'x');
  server.loop->publish("instance.shutdown", huge);
  std::jthread stopper{[&] { server.loop->stop_serving(); }};
  CAF_CHECK(all.receive() == (frames{"instance.shutdown", huge}));
}

// -- the thread --------------------------------------------------------------

CAF_TEST(one loop can be on both sides) {
  handed_over<std::string> replies;
  zmq_loop* self = nullptr;
  auto loop = start(
    [&](std::vector<peer_message> requests) {
      self->reply(std::move(requests));
    },
    collect(replies));
  self = loop.get();
  CAF_REQUIRE(loop->serve(where()));
  loop->connect({where().rpc_addr});
  loop->send({"to myself"});
  CAF_CHECK(replies.take() == "to myself");
}

CAF_TEST(an idle loop starts and ends) {
  for (int i = 0; i < 20; ++i)
    CAF_CHECK(start([](auto) {}, [](auto) {}) != nullptr);
}

CAF_TEST(a signal of the host is not handled on the thread of the loop) {
  static std::atomic<int> handled = 0;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { ++handled; };
  ::sigaction(SIGUSR1, &action, &before);
  echo_server server{where()};
  raw_peer dealer{zmq::socket_type::dealer, where().rpc_addr};
  dealer.send({"x"});
  CAF_CHECK(dealer.receive() == frames{"x"});
  CAF_CHECK_EQUAL(::tgkill(::getpid(), server.thread_id, SIGUSR1), 0);
  dealer.send({"y"});
  CAF_CHECK(dealer.receive() == frames{"y"});
  CAF_CHECK_EQUAL(handled.load(), 0);
  server.loop.reset();
  ::sigaction(SIGUSR1, &before, nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
