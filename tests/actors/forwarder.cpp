// Tests of a secondary's line to the primary: what is refused keeps its place,
// what is not answered is sent again, and both within their bounds.
#define CAF_SUITE forwarder
#include "actors/forwarder.hpp"

#include "actors/errors.hpp"
#include "messages/limits.hpp"
#include "storage/methods.hpp"
#include "transport/json_rpc.hpp"

#include "tests/transport/peers.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::test;
using namespace std::chrono_literals;

namespace {

/// A write as a primary received it.
struct received {
  peer_message message;
  boost::json::value id;
  std::string key;
};

/// A primary that answers what the test says.
class scripted_primary {
public:
  explicit scripted_primary(const endpoints& where) : server_(where) {
    record_.instance_id = "primary";
    record_.pid = ::getpid();
    record_.rpc_addr = where.rpc_addr;
    record_.pub_addr = where.pub_addr;
  }

  const primary_record& record() const { return record_; }

  received take() {
    for (;;) {
      auto message = server_.take();
      CAF_REQUIRE(message.has_value());
      auto calls = parse_message(message->payload).calls;
      const auto& request = std::get<rpc_request>(calls.front());
      if (request.is_notification())
        continue;
      const auto& key = request.params.at("params").at("id").as_string();
      return {std::move(*message), *request.id, std::string{key}};
    }
  }

  std::string take_keys(std::size_t count) {
    std::string out;
    while (count-- > 0)
      out += take().key;
    return out;
  }

  void reply(received& request, std::string text) {
    request.message.payload = std::move(text);
    server_.loop->reply({request.message});
  }

  void succeed(received request) {
    reply(request, success_text(request.id, boost::json::value{}));
  }

  void refuse(received request, const std::string& what = "full") {
    reply(request, error_text(request.id, make_error(error_code::busy, what)));
  }

private:
  recording_server server_;
  primary_record record_;
};

struct fixture : loop_fixture {
  scripted_primary primary{where()};
  method_set methods;
  std::shared_ptr<metrics> figures = std::make_shared<metrics>();
  caf::actor_system_config settings;
  caf::actor_system system{settings};
  caf::scoped_actor self{system};
  forwarder_actor line;
  std::shared_ptr<zmq_loop> loop = start(
    [](std::vector<peer_message>) {},
    [this](std::vector<std::string> texts) {
      caf::anon_send(line, replies_received{std::move(texts)});
    });

  fixture() {
    line = system.spawn(
      forwarder, loop,
      forwarder_options{"secondary", figures, primary.record()});
  }

  ~fixture() {
    self->send_exit(line, caf::exit_reason::user_shutdown);
    self->wait_for(line);
    loop.reset();
  }

  auto ask(const std::string& key, std::chrono::milliseconds timeout = 30s) {
    auto entry = methods.find("DeleteMessage");
    boost::json::value params{{"id", key}};
    write_ids ids;
    ids.source_instance_id = "secondary";
    ids.request_id = key;
    auto write =
      prepare(entry, entry->params->decode(params).value(), std::move(ids));
    return self->request(
      line, caf::infinite,
      forward_command{
        write.value(), std::chrono::steady_clock::now() + timeout});
  }

  /// The error's code, or empty.
  template <class Handle>
  std::string outcome_of(Handle handle) {
    std::string out;
    handle.receive(
      [](const written&) {},
      [&](const caf::error& reason) {
        auto error = from_caf(reason);
        out = to_string(error.code);
        if (error.outcome == write_outcome::unknown)
          out += ", unknown";
      });
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(forwarder_tests, fixture)

CAF_TEST(writes are sent in their order and answered) {
  auto a = ask("a");
  auto b = ask("b");
  auto first = primary.take();
  auto second = primary.take();
  CAF_CHECK_EQUAL(first.key + second.key, "ab");
  primary.succeed(second);
  primary.succeed(first);
  CAF_CHECK_EQUAL(outcome_of(a), "");
  CAF_CHECK_EQUAL(outcome_of(b), "");
}

CAF_TEST(what was refused for the moment is sent again before what came later) {
  auto a = ask("a");
  auto b = ask("b");
  auto c = ask("c");
  auto x = ask("x");
  auto first = primary.take();
  auto second = primary.take();
  auto third = primary.take();
  primary.refuse(third);
  primary.succeed(primary.take());
  CAF_CHECK_EQUAL(outcome_of(x), "");
  primary.refuse(second);
  primary.succeed(first);
  CAF_CHECK_EQUAL(outcome_of(a), "");
  // It knows of the refusals by now.
  auto d = ask("d");
  second = primary.take();
  third = primary.take();
  auto fourth = primary.take();
  CAF_CHECK_EQUAL(second.key + third.key + fourth.key, "bcd");
  primary.succeed(second);
  primary.succeed(third);
  primary.succeed(fourth);
  CAF_CHECK_EQUAL(outcome_of(b), "");
  CAF_CHECK_EQUAL(outcome_of(c), "");
  CAF_CHECK_EQUAL(outcome_of(d), "");
  CAF_CHECK_EQUAL(figures->retries(), 2);
}

CAF_TEST(a refusal is final when there is no time for another attempt) {
  auto a = ask("a", limits::retry_pause_min);
  primary.refuse(primary.take());
  CAF_CHECK_EQUAL(outcome_of(a), "BUSY");
}

CAF_TEST(a write that is not answered is sent again and at last unknown) {
  auto a = ask("a", 250ms);
  CAF_CHECK_EQUAL(primary.take_keys(2), "aa");
  CAF_CHECK_EQUAL(outcome_of(a), "TIMEOUT, unknown");
}

CAF_TEST(an error counts when every copy met with one) {
  auto a = ask("a", 1s);
  auto first = primary.take();
  auto second = primary.take();
  primary.reply(
    first,
    error_text(first.id, make_error(error_code::conflict, "of the first")));
  primary.succeed(second);
  CAF_CHECK_EQUAL(outcome_of(a), "");
}

CAF_TEST(with its copies a line stays within what a primary takes of a peer) {
  std::vector<decltype(ask(""))> writes;
  constexpr std::size_t count = 200;
  for (std::size_t i = 0; i < count; ++i)
    writes.push_back(ask("x", 600ms));
  for (auto& write : writes)
    CAF_CHECK_EQUAL(outcome_of(write).substr(0, 7), "TIMEOUT");
  // All are over, and so is the sending: one more is the last that comes.
  auto last = ask("last");
  std::size_t sent = 0;
  while (primary.take().key != "last")
    ++sent;
  CAF_CHECK(sent >= count);
  CAF_CHECK(sent < limits::peer_in_flight_max);
  self->send(line, primary_changed{});
  CAF_CHECK_EQUAL(outcome_of(last), "UNREACHABLE, unknown");
}

CAF_TEST(another primary gets everything that is open in its order) {
  auto a = ask("a");
  auto b = ask("b");
  auto first = primary.take();
  primary.take();
  primary.refuse(first);
  auto c = ask("c");
  scripted_primary next{where("second")};
  self->send(line, primary_changed{next.record()});
  for (const auto* key : {"a", "b", "c"}) {
    auto request = next.take();
    CAF_CHECK_EQUAL(request.key, key);
    next.succeed(std::move(request));
  }
  CAF_CHECK_EQUAL(outcome_of(a), "");
  CAF_CHECK_EQUAL(outcome_of(b), "");
  CAF_CHECK_EQUAL(outcome_of(c), "");
}

CAF_TEST(without a primary what is open was perhaps committed) {
  auto a = ask("a");
  primary.take();
  self->send(line, primary_changed{});
  CAF_CHECK_EQUAL(outcome_of(a), "UNREACHABLE, unknown");
  CAF_CHECK_EQUAL(outcome_of(ask("b")), "UNREACHABLE");
}

CAF_TEST_FIXTURE_SCOPE_END()
