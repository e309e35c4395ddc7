#include "app/instance.hpp"

#include "actors/coordinator.hpp"
#include "actors/elector.hpp"
#include "actors/forwarder.hpp"
#include "actors/gateway.hpp"
#include "actors/log.hpp"
#include "actors/publisher.hpp"
#include "actors/reader.hpp"
#include "actors/writer.hpp"
#include "messages/timestamp.hpp"
#include "storage/schema.hpp"
#include "transport/contention_hint.hpp"
#include "transport/instance_directory.hpp"

#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include <unistd.h>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// How long stopping waits for the writes under way.
constexpr auto drain_wait = 5s;
// How long the last checkpoint of a primary waits for the write lock.
constexpr auto last_checkpoint_wait = 200ms;

std::string generated_id() {
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::random_device device;
  std::string id = "i-";
  for (int i = 0; i < 16; ++i)
    id += alphabet[device() % alphabet.size()];
  return id;
}

/// Who is primary, for threads that wait for one.
class primary_board {
public:
  void set(std::optional<primary_record> primary) {
    {
      std::lock_guard guard{mutex_};
      primary_ = std::move(primary);
    }
    changed_.notify_all();
  }

  std::optional<primary_record> get() {
    std::lock_guard guard{mutex_};
    return primary_;
  }

  bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(
      guard, timeout, [&] { return primary_.has_value(); });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<primary_record> primary_;
};

rpc_method_actor::behavior_type host_method_behavior(
  std::function<result<boost::json::value>(const boost::json::value&)>
    handler) {
  return {[handler](const host_call& call) -> caf::result<host_value> {
    auto outcome = handler(call.params);
    if (!outcome)
      return to_caf(outcome.error());
    return host_value{std::move(*outcome)};
  }};
}

} // namespace

std::string_view to_string(instance_role role) noexcept {
  switch (role) {
  case instance_role::primary:
    return "primary";
  case instance_role::secondary:
    return "secondary";
  case instance_role::standalone:
    return "standalone";
  }
  return "unknown";
}

system_config::system_config() {
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", std::size_t{2});
}

/// The composition root: what runs, in the order in which it was started.
class instance::parts {
public:
  parts(caf::actor_system& system, instance_options wanted)
    : system_(system),
      options(std::move(wanted)) {}

  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;
  ~parts() { stop(); }

  result<void> start();
  void stop();
  void add_host_actor(caf::actor actor);

private:
  caf::actor_system& system_;

public:
  instance_options options;
  instance_role role = instance_role::standalone;
  std::shared_ptr<primary_board> board = std::make_shared<primary_board>();
  std::shared_ptr<dispatch> registry;
  std::shared_ptr<dbproxy::metrics> figures =
    std::make_shared<dbproxy::metrics>();
  proxy_actor proxy;

private:
  result<void> take_role();
  result<void> open_storage();
  result<void> serve();
  result<void> follow();
  proxy_parts parts_for_proxy() const;
  void release_role();
  bool ask_coordinator_to_drain();
  void end(const std::vector<caf::actor>& actors);

  std::optional<instance_directory> directory_;
  std::optional<leader_lock> lock_;
  std::int64_t epoch_ = 0;
  std::shared_ptr<contention_hint> hint_;
  std::shared_ptr<zmq_loop> loop_;
  std::shared_ptr<read_pool> readers_;
  writer_actor writer_;
  coordinator_actor coordinator_;
  publisher_actor publisher_;
  gateway_actor gateway_;
  forwarder_actor forwarder_;
  elector_actor elector_;
  std::vector<caf::actor> host_actors_;
  std::mutex host_mutex_;
};

// -- starting ----------------------------------------------------------------

result<void> instance::parts::start() {
  if (options.instance_id.size() > limits::instance_id_bytes_max)
    return make_error(
      error_code::invalid_params,
      "the instance id has more than instance_id_bytes_max = "
        + std::to_string(limits::instance_id_bytes_max) + " bytes");
  if (!is_utf8(options.instance_id))
    return make_error(
      error_code::invalid_params, "the instance id is not valid UTF-8");
  if (options.instance_id.empty())
    options.instance_id = generated_id();
  if (!options.methods)
    options.methods = std::make_shared<method_set>();
  registry = std::make_shared<dispatch>(options.methods);
  auto path = canonical_database_path(options.database);
  if (!path)
    return path.error();
  options.database = std::move(*path);
  for (auto step : {&parts::take_role, &parts::open_storage})
    if (auto done = (this->*step)(); !done)
      return done;
  if (role == instance_role::primary)
    return serve();
  if (role == instance_role::secondary)
    return follow();
  coordinator_ = system_.spawn(coordinator, coordinator_parts{writer_, {}, {}});
  proxy = system_.spawn(dbproxy::proxy, parts_for_proxy());
  return {};
}

result<void> instance::parts::take_role() {
  if (!options.networking)
    return {};
  auto directory = instance_directory::open(options.database);
  if (!directory)
    return directory.error();
  directory_.emplace(std::move(*directory));
  role = instance_role::secondary;
  if (options.role == role_request::secondary)
    return {};
  auto lock = leader_lock::try_acquire(*directory_);
  if (!lock)
    return lock.error();
  if (*lock) {
    lock_ = std::move(**lock);
    role = instance_role::primary;
    return {};
  }
  if (options.role == role_request::automatic)
    return {};
  auto holder = find_primary(*directory_);
  auto who = holder && *holder ? "instance " + (*holder)->instance_id + " (pid "
                                   + std::to_string((*holder)->pid) + ")"
                               : std::string{"another instance"};
  return make_error(
    error_code::conflict, who + " is the primary of "
                            + options.database.string()
                            + "; start this one as secondary");
}

result<void> instance::parts::open_storage() {
  open_options open;
  open.path = options.database.string();
  open.sync = options.sync;
  {
    // What is wrong with the file is said here; the actors open it again, on
    // their own threads.
    auto database = open_database(open);
    if (!database)
      return database.error();
    if (role == instance_role::primary) {
      auto epoch = raise_epoch(*database, clock::now() + limits::open_wait_max);
      if (!epoch)
        return epoch.error();
      epoch_ = *epoch;
    }
  }
  if (directory_) {
    auto hint = contention_hint::open(*directory_);
    if (hint)
      hint_ = std::move(*hint);
    else
      log().warn("{}", to_string(hint.error()));
  }
  writer_ = system_.spawn<caf::detached>(writer, open);
  std::vector<reader_actor> pool;
  for (std::size_t i = 0; i < std::max<std::size_t>(options.readers, 1); ++i)
    pool.push_back(system_.spawn<caf::detached>(reader, open));
  readers_ = std::make_shared<read_pool>(std::move(pool));
  return {};
}

proxy_parts instance::parts::parts_for_proxy() const {
  return {
    options.instance_id,
    options.timeouts,
    registry,
    figures,
    readers_,
    hint_,
    writer_,
    coordinator_,
    forwarder_};
}

result<void> instance::parts::serve() {
  // The handlers run only after serve(), when the gateway is there.
  auto to_gateway = std::make_shared<gateway_actor>();
  auto loop = zmq_loop::start(
    {[to_gateway](std::vector<peer_message> messages) {
       caf::anon_send(*to_gateway, requests_received{std::move(messages)});
     },
     [](std::vector<std::string>) {},
     {}});
  if (!loop)
    return loop.error();
  loop_ = std::move(*loop);
  auto where = directory_->endpoints_for(epoch_);
  if (!where)
    return where.error();
  if (auto clean = directory_->remove_stale_sockets(epoch_); !clean)
    log().warn("{}", to_string(clean.error()));
  primary_record record{options.instance_id, getpid(),        epoch_,
                        where->rpc_addr,     where->pub_addr, rfc3339_now(),
                        DBPROXY_VERSION};
  publisher_ = system_.spawn(
    publisher, loop_, publisher_options{options.instance_id, epoch_});
  coordinator_ =
    system_.spawn(coordinator, coordinator_parts{writer_, publisher_, hint_});
  gateway_parts served;
  served.identity = {options.database.string(), record, clock::now()};
  served.timeouts = options.timeouts;
  served.loop = loop_;
  served.registry = registry;
  served.figures = figures;
  served.readers = readers_;
  served.coordinator = coordinator_;
  served.publisher = publisher_;
  gateway_ = system_.spawn(gateway, std::move(served));
  *to_gateway = gateway_;
  if (auto bound = loop_->serve(*where); !bound)
    return bound;
  if (auto published = lock_->publish(record); !published)
    return published;
  board->set(record);
  proxy = system_.spawn(dbproxy::proxy, parts_for_proxy());
  caf::anon_send(
    publisher_,
    instance_event{
      std::string{topics::promoted}, boost::json::object{{"epoch", epoch_}}});
  return {};
}

result<void> instance::parts::follow() {
  auto to_forwarder = std::make_shared<forwarder_actor>();
  auto loop = zmq_loop::start(
    {[](std::vector<peer_message>) {},
     [to_forwarder](std::vector<std::string> texts) {
       caf::anon_send(*to_forwarder, replies_received{std::move(texts)});
     },
     [](const write_error& error) { log().warn("{}", to_string(error)); }});
  if (!loop)
    return loop.error();
  loop_ = std::move(*loop);
  auto found = find_primary(*directory_);
  if (!found)
    return found.error();
  // Connects only when it is told of a primary, so that the handle above is
  // set before the first reply.
  forwarder_ = system_.spawn(
    forwarder, loop_, forwarder_options{options.instance_id, figures, {}});
  *to_forwarder = forwarder_;
  proxy = system_.spawn(dbproxy::proxy, parts_for_proxy());
  board->set(*found);
  caf::anon_send(forwarder_, primary_changed{*found});
  caf::anon_send(proxy, primary_changed{*found});
  elector_options watch{
    *directory_, *found, forwarder_,
    [board = board](const primary_changed& news) { board->set(news.primary); }};
  elector_ = system_.spawn(elector, std::move(watch), proxy);
  return {};
}

// -- stopping ----------------------------------------------------------------

bool instance::parts::ask_coordinator_to_drain() {
  caf::scoped_actor self{system_};
  auto drained = false;
  self->request(coordinator_, drain_wait, drain_command{})
    .receive([&] { drained = true; }, [](const caf::error&) {});
  if (drained) {
    self
      ->request(
        writer_, drain_wait, checkpoint_command{last_checkpoint_wait, true})
      .receive([] {}, [](const caf::error&) {});
  }
  return drained;
}

void instance::parts::release_role() {
  if (coordinator_ && !ask_coordinator_to_drain())
    log().warn("some writes were still under way when the instance stopped");
  if (lock_)
    lock_->release();
  if (publisher_) {
    caf::scoped_actor self{system_};
    self
      ->request(
        publisher_, drain_wait,
        instance_event{
          std::string{topics::shutdown},
          boost::json::object{{"epoch", epoch_}}})
      .receive([] {}, [](const caf::error&) {});
  }
  if (loop_)
    loop_->stop_serving();
}

void instance::parts::end(const std::vector<caf::actor>& actors) {
  for (const auto& actor : actors)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  caf::scoped_actor self{system_};
  self->wait_for(actors);
}

void instance::parts::stop() {
  release_role();
  std::vector<caf::actor> all;
  auto add = [&](auto& handle) {
    if (handle)
      all.push_back(caf::actor_cast<caf::actor>(handle));
    handle = nullptr;
  };
  add(gateway_);
  add(elector_);
  add(proxy);
  add(forwarder_);
  add(coordinator_);
  add(publisher_);
  if (registry)
    registry->clear();
  {
    std::lock_guard guard{host_mutex_};
    for (auto& actor : std::exchange(host_actors_, {}))
      all.push_back(std::move(actor));
  }
  if (readers_)
    for (const auto& one : readers_->readers())
      all.push_back(caf::actor_cast<caf::actor>(one));
  readers_.reset();
  end(all);
  // After the readers, so that its connection is the last to be closed.
  all.clear();
  add(writer_);
  end(all);
  // Last, so that replies given on the way out are sent.
  loop_.reset();
}

void instance::parts::add_host_actor(caf::actor actor) {
  std::lock_guard guard{host_mutex_};
  host_actors_.push_back(std::move(actor));
}

// -- the face ----------------------------------------------------------------

instance::instance(std::unique_ptr<parts> state) : parts_(std::move(state)) {}
instance::instance(instance&&) noexcept = default;
instance& instance::operator=(instance&&) noexcept = default;
instance::~instance() = default;

result<instance>
instance::start(caf::actor_system& system, instance_options options) {
  auto state = std::make_unique<parts>(system, std::move(options));
  if (auto started = state->start(); !started)
    return started.error();
  return instance{std::move(state)};
}

const proxy_actor& instance::proxy() const {
  return parts_->proxy;
}

querier instance::db() const {
  return {parts_->proxy->home_system(), parts_->proxy, parts_->options.methods};
}

instance_role instance::role() const {
  return parts_->role;
}

const std::string& instance::id() const {
  return parts_->options.instance_id;
}

const std::filesystem::path& instance::database() const {
  return parts_->options.database;
}

std::optional<primary_record> instance::primary() const {
  return parts_->board->get();
}

bool instance::wait_for_primary(std::chrono::milliseconds timeout) const {
  return parts_->board->wait(timeout);
}

method_set& instance::methods() const {
  return *parts_->options.methods;
}

std::int64_t instance::retries() const {
  return parts_->figures->retries();
}

boost::json::object instance::metrics() const {
  return parts_->figures->to_json();
}

void instance::register_dispatcher(remembrances_dispatcher_actor dispatcher) {
  parts_->add_host_actor(caf::actor_cast<caf::actor>(dispatcher));
  parts_->registry->register_dispatcher(std::move(dispatcher));
}

result<void> instance::register_rpc(
  std::string name,
  std::function<result<boost::json::value>(const boost::json::value&)>
    handler) {
  auto& system = parts_->proxy->home_system();
  auto actor = system.spawn(host_method_behavior, std::move(handler));
  parts_->add_host_actor(caf::actor_cast<caf::actor>(actor));
  return parts_->registry->register_rpc(std::move(name), std::move(actor));
}

void instance::stop() {
  parts_->stop();
}

} // namespace dbproxy
