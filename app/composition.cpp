#include "app/composition.hpp"

#include "actors/coordinator.hpp"
#include "actors/elector.hpp"
#include "actors/forwarder.hpp"
#include "actors/gateway.hpp"
#include "actors/log.hpp"
#include "actors/publisher.hpp"
#include "actors/writer.hpp"
#include "messages/timestamp.hpp"
#include "storage/schema.hpp"

#include <algorithm>
#include <random>
#include <string>

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

} // namespace

// -- starting ----------------------------------------------------------------

result<void> composition::start() {
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
  for (auto step : {&composition::take_role, &composition::open_storage})
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

result<void> composition::take_role() {
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

result<void> composition::open_storage() {
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

proxy_parts composition::parts_for_proxy() const {
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

result<void> composition::serve() {
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

result<void> composition::follow() {
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

bool composition::ask_coordinator_to_drain() {
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

void composition::release_role() {
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

void composition::end(const std::vector<caf::actor>& actors) {
  for (const auto& actor : actors)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  caf::scoped_actor self{system_};
  self->wait_for(actors);
}

void composition::stop() {
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

void composition::add_host_actor(caf::actor actor) {
  std::lock_guard guard{host_mutex_};
  host_actors_.push_back(std::move(actor));
}

} // namespace dbproxy
