// Tests of the supervisor on real actors: what fails is started again, nobody
// who waits is told, and too much of it ends the role.
#define CAF_SUITE supervisor
#include "actors/supervisor.hpp"

#include "actors/errors.hpp"
#include "app/instance.hpp"
#include "messages/sessions.hpp"
#include "tests/actors/temp_folder.hpp"
#include "transport/subscriber.hpp"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace std::chrono_literals;

namespace {

/// Roles as they come.
class role_log {
public:
  void put(instance_role role) {
    std::lock_guard guard{mutex_};
    roles_.push_back(role);
    changed_.notify_all();
  }

  instance_role take() {
    std::unique_lock guard{mutex_};
    if (!changed_.wait_for(guard, 60s, [&] { return !roles_.empty(); }))
      CAF_FAIL("the role did not change");
    auto role = roles_.front();
    roles_.pop_front();
    return role;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<instance_role> roles_;
};

/// A supervisor and what it looks after.
struct staff {
  staff(
    caf::actor_system& on, const std::filesystem::path& database,
    role_request role = role_request::automatic)
    : system(on) {
    supervisor_options options;
    options.instance_id = "x";
    options.open.path = database.string();
    options.role = role;
    options.methods = methods;
    options.registry = std::make_shared<dispatch>(methods);
    options.figures = figures;
    options.colleagues = colleagues;
    options.where_we_stand = where_we_stand;
    // However long a slow machine takes, restarts belong together.
    options.watch.restart_window = 1h;
    options.on_role_change = [this](instance_role now) { roles.put(now); };
    handle = system.spawn<caf::detached>(supervisor, std::move(options));
    caf::scoped_actor self{system};
    self->request(handle, caf::infinite, start_command{})
      .receive(
        [] {},
        [](const caf::error& error) { CAF_FAIL(to_string(from_caf(error))); });
  }

  ~staff() {
    caf::scoped_actor self{system};
    self->request(handle, caf::infinite, stop_command{})
      .receive([] {}, [](const caf::error&) {});
    self->wait_for(handle);
  }

  querier db() const {
    return {system, colleagues->get<proxy_actor>(), methods};
  }

  bool write(const std::string& id) const {
    create_session session;
    session.id = id;
    return db().call(session).has_value();
  }

  template <class Handle>
  void kill() const {
    caf::anon_send_exit(
      caf::actor_cast<caf::actor>(colleagues->get<Handle>()),
      caf::exit_reason::kill);
  }

  caf::actor_system& system;
  std::shared_ptr<method_set> methods = std::make_shared<method_set>();
  std::shared_ptr<metrics> figures = std::make_shared<metrics>();
  roster_ptr colleagues = std::make_shared<roster>();
  std::shared_ptr<standing> where_we_stand = std::make_shared<standing>();
  role_log roles;
  supervisor_actor handle;
};

struct fixture {
  test::temp_folder folder;
  system_config config;
  caf::actor_system system{config};

  /// The part that the next `instance.restarted` names.
  static std::string restarted(subscriber& events) {
    for (;;) {
      auto event = events.receive(60s).value();
      if (!event)
        CAF_FAIL("nothing was announced");
      if (event->topic != topics::restarted)
        continue;
      auto envelope = boost::json::parse(event->payload);
      return std::string{envelope.at("payload").at("part").as_string()};
    }
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_tests, fixture)

CAF_TEST(what fails on a primary is started again and writes go on) {
  staff self{system, folder / "a.db"};
  CAF_CHECK(self.where_we_stand->role() == instance_role::primary);
  auto record = self.where_we_stand->primary().value();
  auto events = subscriber::connect(record.pub_addr).value();
  CAF_REQUIRE(events.receive(60s).value().has_value());
  self.kill<writer_actor>();
  CAF_CHECK(self.write("after the writer"));
  CAF_CHECK_EQUAL(restarted(events), "writer");
  self.kill<coordinator_actor>();
  CAF_CHECK(self.write("after the coordinator"));
  CAF_CHECK_EQUAL(restarted(events), "coordinator");
  self.kill<gateway_actor>();
  CAF_CHECK_EQUAL(restarted(events), "gateway");
  self.kill<request_parser_actor>();
  CAF_CHECK_EQUAL(restarted(events), "request parser");
  self.kill<publisher_actor>();
  CAF_CHECK_EQUAL(restarted(events), "publisher");
  CAF_CHECK_EQUAL(self.figures->restarts(), 5);
  CAF_CHECK(self.where_we_stand->role() == instance_role::primary);
  CAF_CHECK(self.where_we_stand->primary().value() == record);
}

CAF_TEST(what fails on a secondary is started again and writes go on) {
  auto primary = [&] {
    instance_options options;
    options.database = folder / "a.db";
    return instance::start(system, options).value();
  }();
  staff self{system, folder / "a.db", role_request::secondary};
  CAF_CHECK(self.where_we_stand->role() == instance_role::secondary);
  CAF_CHECK(self.write("1"));
  self.kill<forwarder_actor>();
  self.kill<elector_actor>();
  self.kill<writer_actor>();
  for (const auto* id : {"2", "3", "4"})
    CAF_CHECK(self.write(id));
  CAF_CHECK(self.where_we_stand->wait_for_primary(60s));
}

CAF_TEST(too many failures end the role which is had again later) {
  staff self{system, folder / "a.db"};
  auto epoch = self.where_we_stand->primary().value().epoch;
  auto events =
    subscriber::connect(self.where_we_stand->primary().value().pub_addr)
      .value();
  CAF_REQUIRE(events.receive(60s).value().has_value());
  for (std::size_t i = 0; i < limits::restarts_max; ++i) {
    self.kill<gateway_actor>();
    CAF_CHECK_EQUAL(restarted(events), "gateway");
  }
  self.kill<gateway_actor>();
  CAF_CHECK(self.roles.take() == instance_role::secondary);
  CAF_CHECK(self.write("meanwhile"));
  CAF_CHECK(self.roles.take() == instance_role::primary);
  CAF_CHECK(self.where_we_stand->primary().value().epoch == epoch + 1);
  CAF_CHECK(self.write("again"));
}

CAF_TEST(an epoch that is over is left for another) {
  staff self{system, folder / "a.db"};
  auto epoch = self.where_we_stand->primary().value().epoch;
  caf::anon_send(self.handle, step_down_command{epoch - 1});
  CAF_CHECK(self.write("of the present epoch"));
  caf::anon_send(self.handle, step_down_command{epoch});
  CAF_CHECK(self.roles.take() == instance_role::secondary);
  CAF_CHECK(self.roles.take() == instance_role::primary);
}

CAF_TEST_FIXTURE_SCOPE_END()
