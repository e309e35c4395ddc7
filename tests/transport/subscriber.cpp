// The blocking subscriber against a real loop.
#define CAF_SUITE subscriber

#include "transport/subscriber.hpp"

#include "tests/transport/fixtures.hpp"
#include "tests/transport/peers.hpp"

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::test;
using namespace std::chrono_literals;

namespace {

struct fixture : loop_fixture {
  /// A subscriber whose subscription has arrived.
  subscriber subscribed(zmq_loop& to) {
    auto events = subscriber::connect(where().pub_addr);
    if (!events)
      CAF_FAIL(events.error().message);
    while (!events->receive(1ms).value())
      to.publish("early", "");
    return std::move(*events);
  }

  /// The next event that is none of those.
  event_frames next(subscriber& events) {
    for (;;) {
      auto event = events.receive(patience).value();
      if (!event)
        CAF_FAIL("no event");
      if (event->topic != "early")
        return *event;
    }
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(subscriber_tests, fixture)

CAF_TEST(a subscriber gets every topic in order) {
  recording_server server{where()};
  auto events = subscribed(*server.loop);
  server.loop->publish("db.session.created", R"({"seq":1})");
  server.loop->publish("instance.heartbeat", R"({"seq":2})");
  server.loop->publish("", R"({"seq":3})");
  CAF_CHECK(
    next(events) == (event_frames{"db.session.created", R"({"seq":1})"}));
  CAF_CHECK(
    next(events) == (event_frames{"instance.heartbeat", R"({"seq":2})"}));
  CAF_CHECK(next(events) == (event_frames{"", R"({"seq":3})"}));
}

CAF_TEST(without an event there is nothing and no error) {
  auto events = subscriber::connect(where().pub_addr);
  CAF_REQUIRE(events);
  const auto nothing = events->receive(1ms);
  CAF_REQUIRE(nothing);
  CAF_CHECK(!*nothing);
}

CAF_TEST(a message that is no event is an error) {
  zmq::context_t context;
  zmq::socket_t publisher{context, zmq::socket_type::pub};
  publisher.bind(where().pub_addr);
  auto events = subscriber::connect(where().pub_addr);
  CAF_REQUIRE(events);
  auto event = events->receive(1ms);
  while (event && !*event) {
    publisher.send(zmq::str_buffer("alone"), zmq::send_flags::none);
    event = events->receive(1ms);
  }
  CAF_REQUIRE(!event);
  CAF_CHECK(event.error().code == error_code::internal);
}

CAF_TEST(a subscriber finds a primary that comes back) {
  recording_server server{where()};
  auto events = subscribed(*server.loop);
  server.loop->stop_serving();
  CAF_REQUIRE(server.loop->serve(where()));
  auto event = std::optional<event_frames>{};
  while (!event || event->topic != "again") {
    server.loop->publish("again", "{}");
    event = events.receive(1ms).value();
  }
  CAF_CHECK_EQUAL(event->payload, "{}");
}

CAF_TEST(what is no address has no subscriber) {
  CAF_CHECK(!subscriber::connect("nonsense"));
}

CAF_TEST_FIXTURE_SCOPE_END()
