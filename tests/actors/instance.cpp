// Tests of running instances in one process: roles, the facade, the typed
// proxy, dispatchers and a host's methods.
#define CAF_SUITE instance
#include "app/instance.hpp"

#include "actors/errors.hpp"
#include "actors/reader.hpp"
#include "storage/schema.hpp"
#include "storage/scopes.hpp"
#include "tests/actors/temp_folder.hpp"
#include "transport/rpc_client.hpp"

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

struct fixture {
  test::temp_folder folder;
  system_config config;
  caf::actor_system system{config};

  instance_options options(role_request role = role_request::automatic) {
    instance_options out;
    out.database = folder / "a.db";
    out.role = role;
    return out;
  }

  instance start(role_request role = role_request::automatic) {
    return instance::start(system, options(role)).value();
  }

  result<json::value> rpc(
    const instance& self, const std::string& method,
    const json::value& params) {
    auto client = rpc_client::connect(self.primary()->rpc_addr).value();
    return client.call(method, params, 5s);
  }

  connection plain() {
    open_options open;
    open.path = (folder / "a.db").string();
    return open_connection(open).value();
  }
};

create_session session_named(const std::string& id) {
  create_session out;
  out.id = id;
  out.title = "T";
  return out;
}

/// A write that never had the lock until its deadline. A machine that is too
/// busy to say so in time leaves open what became of it.
void check_late(const write_error& error) {
  auto said = error.code == error_code::busy
              && error.outcome == write_outcome::not_applied;
  auto left_open = error.code == error_code::timeout
                   && error.outcome == write_outcome::unknown;
  CAF_CHECK(said || left_open);
}

/// A dispatcher that knows one method and says who it is.
remembrances_dispatcher_actor::behavior_type
dispatcher_named(const std::string& name) {
  return {[name](const dispatch_command& command) -> caf::result<write_ptr> {
    if (command.method != "Remember")
      return to_caf(make_error(
        error_code::method_not_found, "no such method", command.method));
    if (!command.params.is_string())
      return to_caf(make_error(
        error_code::invalid_params, "field \"what\" must be a string"));
    auto write = std::make_shared<prepared_write>();
    write->method = command.method;
    write->topic = "db.kb.updated";
    write->params = boxed::of(command.params);
    write->params_codec = &codec_for<json::value>();
    write->returns = &codec_for<json::value>();
    write->fingerprint = fingerprint(command.params);
    write->timeout = timeout_class::extended;
    write->body = [name](connection&) -> result<boxed> {
      return boxed::of(json::value(name));
    };
    return write_ptr{std::move(write)};
  }};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(instance_tests, fixture)

CAF_TEST(the first is primary and the second is secondary) {
  auto first = start();
  auto second = start();
  CAF_CHECK(first.role() == instance_role::primary);
  CAF_CHECK(second.role() == instance_role::secondary);
  CAF_CHECK(second.primary().value().instance_id == first.id());
  auto third = instance::start(system, options(role_request::primary));
  CAF_REQUIRE(!third);
  CAF_CHECK(third.error().code == error_code::conflict);
  CAF_CHECK(third.error().message.find(first.id()) != std::string::npos);
}

CAF_TEST(both write and each reads what the other wrote) {
  auto first = start();
  auto second = start();
  CAF_CHECK(first.db().call(session_named("a"))->id == "a");
  CAF_CHECK(second.db().call(session_named("b"))->id == "b");
  CAF_CHECK(first.db().call(get_session_by_id{"b"})->has_value());
  CAF_CHECK(second.db().call(get_session_by_id{"a"})->has_value());
}

CAF_TEST(without networking an instance is alone and does the same) {
  auto wanted = options();
  wanted.networking = false;
  auto self = instance::start(system, wanted).value();
  CAF_CHECK(self.role() == instance_role::standalone);
  CAF_CHECK(self.db().call(session_named("a"))->id == "a");
  CAF_CHECK(self.db().call(get_session_by_id{"a"})->has_value());
  CAF_CHECK(self.db().probe_primary().has_value());
  CAF_CHECK(!std::filesystem::exists(folder / "a.db.dbproxy"));
}

CAF_TEST(the facade returns typed errors) {
  auto self = start();
  CAF_CHECK(self.db().call(session_named("a")).has_value());
  auto again = self.db().call(session_named("a"));
  CAF_REQUIRE(!again);
  CAF_CHECK(again.error().code == error_code::conflict);
  CAF_CHECK_EQUAL(again.error().method, "CreateSession");
  auto bad = self.db().call(session_named("\xff"));
  CAF_REQUIRE(!bad);
  CAF_CHECK(bad.error().code == error_code::invalid_params);
  auto unknown = self.db().write("NoSuch", nullptr);
  CAF_REQUIRE(!unknown);
  CAF_CHECK(unknown.error().code == error_code::method_not_found);
}

CAF_TEST(a write by name has a typed result) {
  auto self = start();
  auto made =
    self.db().write_with_result<session>("CreateSession", session_named("a"));
  CAF_CHECK(made->id == "a");
  CAF_CHECK(self.db().write_with_retry("DeleteSession", "a", 5s).has_value());
  CAF_CHECK(!self.db().call(get_session_by_id{"a"})->has_value());
}

CAF_TEST(a deadline that cannot be kept is refused) {
  auto self = start();
  for (auto wrong : {0ms, -1ms, limits::timeout_max + 1ms}) {
    auto outcome = self.db().call(session_named("a"), {wrong, {}});
    CAF_REQUIRE(!outcome);
    CAF_CHECK(outcome.error().code == error_code::invalid_params);
  }
}

CAF_TEST(at its deadline a write that never had the lock is not applied) {
  auto first = start();
  auto second = start();
  auto database = plain();
  auto lock = immediate_transaction::begin(database).value();
  for (auto* self : {&first, &second}) {
    auto outcome = self->db().call(session_named("a"), {200ms, {}});
    CAF_REQUIRE(!outcome);
    check_late(outcome.error());
  }
  CAF_CHECK(lock.commit().has_value());
  CAF_CHECK(first.db().call(session_named("b")).has_value());
  CAF_CHECK(!first.db().call(get_session_by_id{"a"})->has_value());
}

CAF_TEST(a write with retry outlasts a lock holder) {
  auto self = start();
  auto database = plain();
  auto lock = immediate_transaction::begin(database).value();
  auto writing = std::async(std::launch::async, [&] {
    return self.db().write_with_retry(
      "CreateSession", encode(session_named("a")), 30s);
  });
  CAF_CHECK(lock.commit().has_value());
  CAF_CHECK(writing.get().has_value());
  CAF_CHECK(self.db().call(get_session_by_id{"a"})->has_value());
}

CAF_TEST(a write with retry gives up within its deadline) {
  auto self = start();
  auto database = plain();
  auto lock = immediate_transaction::begin(database).value();
  auto done = self.db().write_with_retry(
    "CreateSession", encode(session_named("a")), 600ms);
  CAF_REQUIRE(!done);
  check_late(done.error());
  auto figures = self.metrics();
  std::int64_t attempts = 0;
  for (const auto& [code, count] : figures.at("errors").as_object())
    attempts += count.as_int64();
  CAF_CHECK(attempts >= limits::retry_attempts_min);
}

CAF_TEST(a request id makes a write repeatable on every way) {
  auto first = start();
  auto second = start();
  call_options how;
  how.request_id = "r1";
  auto made = first.db().call(session_named("a"), how);
  CAF_CHECK(made.has_value());
  CAF_CHECK(second.db().call(session_named("a"), how).value() == *made);
  CAF_CHECK(first.db().call(session_named("a"), how).value() == *made);
  auto other = second.db().call(session_named("b"), how);
  CAF_REQUIRE(!other);
  CAF_CHECK(other.error().code == error_code::conflict);
}

CAF_TEST(many callers at once are all answered) {
  auto first = start();
  auto second = start();
  std::atomic<int> done{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      auto db = (t % 2 == 0 ? first : second).db();
      for (int i = 0; i < 50; ++i)
        if (db.call(session_named(std::to_string(t * 100 + i))))
          ++done;
    });
  threads.clear();
  CAF_CHECK_EQUAL(done.load(), 400);
  auto database = plain();
  auto count = database.prepare("SELECT count(*) FROM sessions").value();
  CAF_CHECK(count.step().value());
  CAF_CHECK_EQUAL(count.integer(0), 400);
}

CAF_TEST(the primary answers probes and a secondary asks it) {
  auto first = start();
  auto second = start();
  CAF_CHECK(first.db().probe_primary().has_value());
  CAF_CHECK(second.db().probe_primary().has_value());
}

CAF_TEST(a secondary without a primary says so and goes on) {
  auto self = start(role_request::secondary);
  CAF_CHECK(!self.primary());
  auto probe = self.db().probe_primary();
  CAF_REQUIRE(!probe);
  CAF_CHECK(probe.error().code == error_code::unreachable);
  CAF_CHECK(self.db().call(session_named("a")).has_value());
  auto primary = start();
  CAF_CHECK(self.wait_for_primary(60s));
  CAF_CHECK(self.primary().value().instance_id == primary.id());
}

CAF_TEST(when a primary has stopped another can start) {
  auto first = start();
  auto epoch = first.primary()->epoch;
  CAF_CHECK(first.db().call(session_named("a")).has_value());
  first.stop();
  first.stop();
  auto second = start();
  CAF_CHECK(second.role() == instance_role::primary);
  CAF_CHECK(second.primary().value().epoch == epoch + 1);
  CAF_CHECK(second.db().call(get_session_by_id{"a"})->has_value());
}

CAF_TEST(an unknown write goes to the dispatcher and the last one counts) {
  auto first = start();
  auto second = start();
  auto absent = first.db().write("Remember", "this");
  CAF_REQUIRE(!absent);
  CAF_CHECK(absent.error().code == error_code::method_not_found);
  for (auto* self : {&first, &second})
    self->register_dispatcher(
      system.spawn(dispatcher_named, std::string{"one"}));
  CAF_CHECK_EQUAL(first.db().write("Remember", "this").value(), "one");
  CAF_CHECK_EQUAL(second.db().write("Remember", "this").value(), "one");
  auto rpc_result = rpc(
    first, "db.write",
    json::object{{"method", "Remember"}, {"params", "this"}});
  CAF_CHECK_EQUAL(rpc_result.value(), "one");
  first.register_dispatcher(system.spawn(dispatcher_named, std::string{"two"}));
  CAF_CHECK_EQUAL(first.db().write("Remember", "this").value(), "two");
  auto wrong = first.db().write("Remember", 5);
  CAF_REQUIRE(!wrong);
  CAF_CHECK(wrong.error().code == error_code::invalid_params);
  CAF_CHECK_EQUAL(wrong.error().method, "Remember");
  auto unknown = first.db().write("Forget", "this");
  CAF_REQUIRE(!unknown);
  CAF_CHECK(unknown.error().code == error_code::method_not_found);
}

CAF_TEST(the remembrances are there until a host takes them over) {
  auto self = start();
  kb_add_document document{"/a", "text", {}, {}, {}};
  CAF_CHECK(self.db().call(document).has_value());
  CAF_CHECK(self.db().call(kb_count_documents{}).value() == 1);
  auto fault = document;
  fault.embeddings = std::vector<std::vector<float>>{{1.0F}, {2.0F}};
  auto refused = self.db().call(fault);
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == error_code::invalid_params);
  CAF_CHECK_EQUAL(refused.error().method, "KBAddDocument");
  self.register_dispatcher(system.spawn(dispatcher_named, std::string{"own"}));
  document.file_path = "/b";
  auto taken = self.db().call(document);
  CAF_REQUIRE(!taken);
  CAF_CHECK(taken.error().code == error_code::method_not_found);
  CAF_CHECK(self.db().call(kb_count_documents{}).value() == 1);
}

CAF_TEST(a host has RPC methods of its own) {
  auto self = start();
  auto echo = [](const json::value& params) -> result<json::value> {
    if (params.is_null())
      return make_error(error_code::invalid_params, "nothing to say");
    return params;
  };
  CAF_CHECK(self.register_rpc("app.echo", echo).has_value());
  json::value said{{"x", 1}};
  CAF_CHECK(rpc(self, "app.echo", said).value() == said);
  auto failed = rpc(self, "app.echo", nullptr);
  CAF_REQUIRE(!failed);
  CAF_CHECK(failed.error().code == error_code::invalid_params);
  for (const auto* taken : {"app.echo", "db.write", "instance.x", "rpc.x"}) {
    auto again = self.register_rpc(taken, echo);
    CAF_REQUIRE(!again);
    CAF_CHECK(again.error().code == error_code::conflict);
  }
}

CAF_TEST(a primary may be called silent only after its heartbeat) {
  auto wanted = options();
  wanted.watch.silence_max = wanted.watch.heartbeat_interval;
  auto refused = instance::start(system, wanted);
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == error_code::invalid_params);
  wanted.watch.heartbeat_interval = 10ms;
  CAF_CHECK(instance::start(system, wanted).has_value());
}

CAF_TEST(the instance id has bounds) {
  auto wanted = options();
  wanted.instance_id = std::string(limits::instance_id_bytes_max + 1, 'x');
  auto refused = instance::start(system, wanted);
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == error_code::invalid_params);
  wanted.instance_id = "mine";
  CAF_CHECK(instance::start(system, wanted)->id() == "mine");
}

CAF_TEST(the bound on waiting reads is named) {
  auto idle = [](reader_actor::pointer) -> reader_actor::behavior_type {
    return {
      [](const read_command&) { return boxed{}; },
      [](const storage_query&) { return storage_status{}; }};
  };
  read_pool pool{1};
  pool.set(0, system.spawn(idle));
  for (std::size_t i = 0; i < limits::queued_reads_max; ++i)
    CAF_REQUIRE(pool.acquire().has_value());
  auto refused = pool.acquire();
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == error_code::busy);
  CAF_CHECK(
    refused.error().message.find("queued_reads_max") != std::string::npos);
  pool.release();
  CAF_CHECK(pool.acquire().has_value());
}

CAF_TEST(timeouts are those of the instance) {
  auto wanted = options();
  wanted.timeouts.standard = 50ms;
  auto self = instance::start(system, wanted).value();
  auto database = plain();
  auto lock = immediate_transaction::begin(database).value();
  auto outcome = self.db().call(session_named("a"));
  CAF_REQUIRE(!outcome);
  check_late(outcome.error());
}

CAF_TEST_FIXTURE_SCOPE_END()
