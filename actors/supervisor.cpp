#include "actors/supervisor.hpp"

#include "actors/coordinator.hpp"
#include "actors/elector.hpp"
#include "actors/errors.hpp"
#include "actors/event_scheduler.hpp"
#include "actors/forwarder.hpp"
#include "actors/gateway.hpp"
#include "actors/log.hpp"
#include "actors/publisher.hpp"
#include "actors/remembrances_dispatcher.hpp"
#include "actors/request_parser.hpp"
#include "actors/writer.hpp"
#include "messages/fault_point.hpp"
#include "messages/limits.hpp"
#include "messages/timestamp.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <unistd.h>

namespace dbproxy {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;

// How long stopping waits for the writes under way.
constexpr auto drain_wait = 5s;
// How long the last checkpoint waits for the write lock.
constexpr auto last_checkpoint_wait = 200ms;

const std::vector<std::string_view> primary_parts{
  "gateway", "coordinator", "publisher", "request parser"};
const std::vector<std::string_view> secondary_parts{"elector", "forwarder"};

} // namespace

void supervisor_state::init(pointer self, supervisor_options options) {
  self_ = self;
  options_ = std::move(options);
}

// -- starting ----------------------------------------------------------------

result<void> supervisor_state::start() {
  if (options_.networking) {
    if (auto opened = open_directory(); !opened)
      return opened;
    if (auto taken = take_lock_at_start(); !taken)
      return taken;
  }
  auto epoch = open_storage(lock_.has_value());
  if (!epoch)
    return epoch.error();
  if (auto started = start_loop(); !started)
    return started;
  start_storage();
  start_proxy();
  if (!options_.networking) {
    auto colleagues = options_.colleagues;
    run("coordinator", [this, colleagues] {
      auto handle = self_->spawn(
        coordinator, coordinator_parts{
                       .colleagues = colleagues,
                       .figures = options_.figures,
                       .sync = options_.open.sync,
                       .at_writer = at_writer_});
      colleagues->set(handle);
      return caf::actor_cast<caf::actor>(handle);
    });
    return {};
  }
  if (!lock_) {
    follow();
    return {};
  }
  auto lock = std::move(*lock_);
  lock_.reset();
  return lead(std::move(lock), *epoch);
}

result<void> supervisor_state::open_directory() {
  auto directory = instance_directory::open(options_.open.path);
  if (!directory)
    return directory.error();
  directory_.emplace(std::move(*directory));
  auto hint = contention_hint::open(*directory_);
  if (hint)
    hint_ = std::move(*hint);
  else
    log().warn("{}", to_string(hint.error()));
  return {};
}

result<void> supervisor_state::take_lock_at_start() {
  if (options_.role == role_request::secondary)
    return {};
  auto lock = leader_lock::try_acquire(*directory_);
  if (!lock)
    return lock.error();
  if (*lock) {
    lock_ = std::move(**lock);
    return {};
  }
  if (options_.role == role_request::automatic)
    return {};
  auto holder = find_primary(*directory_);
  auto who = holder && *holder ? "instance " + (*holder)->instance_id + " (pid "
                                   + std::to_string((*holder)->pid) + ")"
                               : std::string{"another instance"};
  return make_error(
    error_code::conflict, who + " is the primary of " + options_.open.path
                            + "; start this one as secondary");
}

// What is wrong with the file is said here; the actors open it again, on their
// own threads.
result<std::int64_t> supervisor_state::open_storage(bool raise) {
  auto database = open_database(options_.open);
  if (!database)
    return database.error();
  if (!raise)
    return std::int64_t{0};
  return raise_epoch(*database, clock::now() + limits::open_wait_max);
}

result<void> supervisor_state::start_loop() {
  if (!options_.networking)
    return {};
  auto loop = zmq_loop::start(
    {[colleagues = options_.colleagues](std::vector<peer_message> messages) {
       caf::anon_send(
         colleagues->get<gateway_actor>(),
         requests_received{std::move(messages)});
     },
     [colleagues = options_.colleagues](std::vector<std::string> texts) {
       caf::anon_send(
         colleagues->get<forwarder_actor>(),
         replies_received{std::move(texts)});
     },
     [](const write_error& error) { log().warn("{}", to_string(error)); },
     [colleagues = options_.colleagues](std::string topic) {
       caf::anon_send(
         colleagues->get<elector_actor>(),
         primary_sign{primary_sign::kind::event, std::move(topic)});
     },
     [colleagues = options_.colleagues] {
       caf::anon_send(
         colleagues->get<elector_actor>(),
         primary_sign{primary_sign::kind::ended, {}});
     }},
    event_thread_of(self_->system()));
  if (!loop)
    return loop.error();
  loop_ = std::move(*loop);
  return {};
}

void supervisor_state::start_storage() {
  writer_signals signals;
  if (hint_) {
    signals.on_busy = [hint = hint_] { hint->mark(); };
    signals.is_lone = [hint = hint_] { return !hint->contended(); };
  }
  if (auto* thread = event_thread_of(self_->system()))
    thread->stay_awake_while(
      [at_writer = at_writer_, is_lone = signals.is_lone] {
        return at_writer.any() && is_lone();
      });
  run("writer", [this, signals] {
    auto handle = self_->spawn<caf::detached>(
      writer, options_.open, options_.figures, signals);
    options_.colleagues->set(handle);
    // What stalled for want of a writer goes on.
    self_->send(
      options_.colleagues->get<coordinator_actor>(), caf::tick_atom::value);
    return caf::actor_cast<caf::actor>(handle);
  });
  readers_ =
    std::make_shared<read_pool>(std::max<std::size_t>(options_.readers, 1));
  for (std::size_t i = 0; i < readers_->size(); ++i)
    run("reader", [this, i] {
      auto handle = self_->spawn<caf::detached>(reader, options_.open);
      readers_->set(i, handle);
      return caf::actor_cast<caf::actor>(handle);
    });
  run("dispatcher", [this, registry = options_.registry] {
    auto handle =
      self_->spawn<caf::detached>(remembrances_dispatcher, options_.methods);
    registry->set_default_dispatcher(handle);
    return caf::actor_cast<caf::actor>(handle);
  });
}

void supervisor_state::start_proxy() {
  run("proxy", [this] {
    auto handle = self_->spawn(
      proxy, proxy_parts{
               options_.instance_id, options_.timeouts, options_.registry,
               options_.figures, readers_, hint_, options_.colleagues,
               options_.routing, at_writer_});
    options_.colleagues->set(handle);
    return caf::actor_cast<caf::actor>(handle);
  });
}

// -- roles -------------------------------------------------------------------

result<void> supervisor_state::lead(leader_lock lock, std::int64_t epoch) {
  auto where = directory_->endpoints_for(epoch);
  if (!where)
    return where.error();
  if (auto clean = directory_->remove_stale_sockets(epoch); !clean)
    log().warn("{}", to_string(clean.error()));
  epoch_ = epoch;
  lock_ = std::move(lock);
  primary_record record{options_.instance_id, getpid(),        epoch,
                        where->rpc_addr,      where->pub_addr, rfc3339_now(),
                        DBPROXY_VERSION};
  start_primary(record);
  if (auto bound = loop_->serve(*where); !bound)
    return bound;
  fault_point("promotion.after_bind");
  if (auto published = lock_->publish(record); !published)
    return published;
  fault_point("promotion.after_record");
  options_.where_we_stand->set_role(instance_role::primary);
  options_.where_we_stand->set_primary(record);
  tell_proxy();
  announce(topics::promoted, json::object{{"epoch", epoch_}});
  return {};
}

void supervisor_state::start_primary(const primary_record& record) {
  auto colleagues = options_.colleagues;
  publisher_options events{options_.instance_id, epoch_};
  events.heartbeat_interval = options_.watch.heartbeat_interval;
  run("publisher", [this, colleagues, events] {
    auto handle = self_->spawn(publisher, loop_, events);
    colleagues->set(handle);
    return caf::actor_cast<caf::actor>(handle);
  });
  coordinator_parts order{
    colleagues,
    options_.figures,
    hint_,
    epoch_,
    [supervisor = supervisor_actor{self_}, epoch = epoch_] {
      caf::anon_send(supervisor, step_down_command{epoch});
    },
    options_.open.sync,
    at_writer_};
  run("coordinator", [this, colleagues, order] {
    auto handle = self_->spawn(coordinator, order);
    colleagues->set(handle);
    tell_proxy();
    return caf::actor_cast<caf::actor>(handle);
  });
  run("request parser", [this, colleagues] {
    auto handle = self_->spawn<caf::detached>(request_parser);
    colleagues->set(handle);
    return caf::actor_cast<caf::actor>(handle);
  });
  gateway_parts served{
    {options_.open.path, record, clock::now()},
    options_.timeouts,
    loop_,
    options_.registry,
    options_.figures,
    readers_,
    colleagues};
  run("gateway", [this, colleagues, served] {
    auto handle = self_->spawn(gateway, served);
    colleagues->set(handle);
    return caf::actor_cast<caf::actor>(handle);
  });
}

void supervisor_state::follow() {
  auto colleagues = options_.colleagues;
  options_.where_we_stand->set_role(instance_role::secondary);
  // Known at once to whoever starts the instance; the elector follows it up.
  if (auto found = find_primary(*directory_))
    options_.where_we_stand->set_primary(std::move(*found));
  // Connects only when the elector tells it of a primary.
  run("forwarder", [this, colleagues] {
    auto handle = self_->spawn(
      forwarder, loop_,
      forwarder_options{options_.instance_id, options_.figures});
    colleagues->set(handle);
    return caf::actor_cast<caf::actor>(handle);
  });
  elector_options watch{
    *directory_, colleagues, options_.where_we_stand,
    options_.watch.silence_max};
  if (options_.role != role_request::secondary)
    watch.claim = [supervisor = supervisor_actor{self_}] {
      caf::anon_send(supervisor, claim_command{});
    };
  run("elector", [this, colleagues, watch] {
    auto handle = self_->spawn(elector, watch);
    colleagues->set(handle);
    return caf::actor_cast<caf::actor>(handle);
  });
}

void supervisor_state::claim() {
  if (
    stopping_ || lock_
    || options_.where_we_stand->role() != instance_role::secondary
    || clock::now() < not_before_)
    return;
  auto promoted = result<bool>{false};
  try {
    promoted = promote();
  } catch (const std::exception& exception) {
    promoted = make_error(
      error_code::internal, std::string{"it threw: "} + exception.what());
  }
  if (promoted) {
    if (*promoted && options_.on_role_change)
      options_.on_role_change(instance_role::primary);
    return;
  }
  log().error("cannot become primary: {}", to_string(promoted.error()));
  leave_primary();
  if (!options_.colleagues->get<elector_actor>())
    follow();
  back_off();
}

// False where another was faster.
result<bool> supervisor_state::promote() {
  auto lock = leader_lock::try_acquire(*directory_);
  if (!lock)
    return lock.error();
  if (!*lock)
    return false;
  fault_point("promotion.after_lock");
  auto epoch = open_storage(true);
  if (!epoch)
    return epoch.error();
  fault_point("promotion.after_epoch");
  end(secondary_parts);
  loop_->disconnect();
  if (auto leading = lead(std::move(**lock), *epoch); !leading)
    return leading.error();
  log().info("this instance is primary, epoch {}", *epoch);
  pause_ = limits::role_pause_min;
  return true;
}

void supervisor_state::step_down(std::int64_t epoch) {
  if (stopping_ || !lock_ || epoch != epoch_)
    return;
  log().error("epoch {} is over: this instance steps down", epoch_);
  leave_primary();
  back_off();
  follow();
  if (options_.on_role_change)
    options_.on_role_change(instance_role::secondary);
}

// Without a word to those who wait: they ask the next primary.
void supervisor_state::leave_primary() {
  options_.where_we_stand->set_primary({});
  end(primary_parts);
  lock_.reset();
  if (loop_)
    loop_->stop_serving();
}

// Another instance may be luckier, or this one later.
void supervisor_state::back_off() {
  not_before_ = clock::now() + pause_;
  pause_ = std::min(pause_ * 2, limits::role_pause_max);
}

void supervisor_state::tell_proxy() {
  self_->send(
    options_.colleagues->get<proxy_actor>(),
    primary_changed{options_.where_we_stand->primary()});
}

void supervisor_state::announce(std::string_view topic, json::value payload) {
  auto events = options_.colleagues->get<publisher_actor>();
  if (!events)
    return;
  caf::scoped_actor waiting{self_->system()};
  waiting
    ->request(
      events, drain_wait,
      instance_event{std::string{topic}, std::move(payload)})
    .receive([] {}, [](const caf::error&) {});
}

// -- keeping it running ------------------------------------------------------

void supervisor_state::run(
  std::string part, std::function<caf::actor()> start) {
  auto handle = start();
  self_->monitor(handle);
  children_.push_back({std::move(part), std::move(handle), std::move(start)});
}

void supervisor_state::on_down(const caf::down_msg& message) {
  auto found =
    std::find_if(children_.begin(), children_.end(), [&](const child& one) {
      return one.handle.address() == message.source;
    });
  if (found == children_.end() || stopping_)
    return;
  auto lost = std::move(*found);
  children_.erase(found);
  restart(std::move(lost), message.reason);
}

void supervisor_state::restart(child lost, const caf::error& reason) {
  auto why = self_->system().render(reason);
  options_.figures->count_restart(lost.part);
  if (lost.part == "proxy") {
    // Whoever holds it has nothing left to talk to.
    log().critical("the proxy failed ({}): the instance ends", why);
    self_->send(self_, stop_command{});
    return;
  }
  if (too_many_restarts()) {
    log().error(
      "the {} failed ({}), restart {} within {} ms: the role is given up",
      lost.part, why, options_.watch.restarts_max + 1,
      options_.watch.restart_window.count());
    restarts_.clear();
    auto of_role =
      std::find(primary_parts.begin(), primary_parts.end(), lost.part)
      != primary_parts.end();
    if (!of_role)
      waiting_.push_back(std::move(lost));
    self_->delayed_send(self_, pause_, caf::tick_atom::value);
    if (lock_) {
      announce(topics::shutdown, json::object{{"epoch", epoch_}});
      step_down(epoch_);
    } else {
      back_off();
    }
    return;
  }
  log().warn("the {} failed ({}) and is started again", lost.part, why);
  json::object payload{{"part", lost.part}, {"reason", why}};
  run(lost.part, lost.start);
  announce(topics::restarted, std::move(payload));
}

bool supervisor_state::too_many_restarts() {
  auto now = clock::now();
  restarts_.push_back(now);
  while (now - restarts_.front() > options_.watch.restart_window)
    restarts_.pop_front();
  return restarts_.size() > options_.watch.restarts_max;
}

void supervisor_state::tick() {
  if (stopping_)
    return;
  for (auto& lost : std::exchange(waiting_, {}))
    run(lost.part, lost.start);
}

// -- stopping ----------------------------------------------------------------

bool supervisor_state::drain() {
  auto order = options_.colleagues->get<coordinator_actor>();
  if (!order)
    return true;
  auto drained = false;
  caf::scoped_actor waiting{self_->system()};
  waiting->request(order, drain_wait, drain_command{})
    .receive([&] { drained = true; }, [](const caf::error&) {});
  return drained;
}

void supervisor_state::give_up_lock() {
  if (!drain())
    log().warn("some writes were still under way when the instance stopped");
  if (!lock_)
    return;
  lock_->release();
  lock_.reset();
  announce(topics::shutdown, json::object{{"epoch", epoch_}});
  if (loop_)
    loop_->stop_serving();
}

// Only where nobody else is primary, or becomes it meanwhile.
void supervisor_state::checkpoint_last() {
  auto tool = options_.colleagues->get<writer_actor>();
  if (!tool)
    return;
  auto lock = std::optional<leader_lock>{};
  if (directory_) {
    auto taken = leader_lock::try_acquire(*directory_);
    if (!taken || !*taken)
      return;
    lock = std::move(**taken);
  }
  caf::scoped_actor waiting{self_->system()};
  waiting
    ->request(tool, drain_wait, checkpoint_command{last_checkpoint_wait, true})
    .receive([](const checkpoint_report&) {}, [](const caf::error&) {});
  end_storage();
}

// The writer's connection is the last to be closed: then the WAL can go.
void supervisor_state::end_storage() {
  end({"reader"});
  end({"writer"});
}

void supervisor_state::end(const std::vector<std::string_view>& parts) {
  std::vector<caf::actor> ending;
  for (auto part : parts)
    for (auto at = children_.begin(); at != children_.end();) {
      if (at->part != part) {
        ++at;
        continue;
      }
      self_->demonitor(at->handle);
      ending.push_back(std::move(at->handle));
      at = children_.erase(at);
    }
  for (auto part : parts) {
    if (part == "gateway")
      options_.colleagues->set(gateway_actor{});
    if (part == "coordinator")
      options_.colleagues->set(coordinator_actor{});
    if (part == "publisher")
      options_.colleagues->set(publisher_actor{});
    if (part == "request parser")
      options_.colleagues->set(request_parser_actor{});
    if (part == "elector")
      options_.colleagues->set(elector_actor{});
    if (part == "forwarder")
      options_.colleagues->set(forwarder_actor{});
  }
  for (const auto& one : ending)
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  caf::scoped_actor waiting{self_->system()};
  waiting->wait_for(ending);
}

void supervisor_state::stop() {
  if (std::exchange(stopping_, true))
    return;
  give_up_lock();
  end(
    {"gateway", "elector", "proxy", "forwarder", "coordinator", "publisher",
     "request parser", "dispatcher"});
  checkpoint_last();
  end_storage();
  if (auto* thread = event_thread_of(self_->system()))
    thread->stay_awake_while({});
  options_.colleagues->clear();
  options_.registry->clear();
  options_.where_we_stand->set_primary({});
  readers_.reset();
  // Last, so that replies given on the way out are sent.
  loop_.reset();
}

supervisor_actor::behavior_type
supervisor(supervisor_state::pointer self, supervisor_options options) {
  self->state.init(self, std::move(options));
  self->set_down_handler(
    [self](const caf::down_msg& message) { self->state.on_down(message); });
  return {
    [self](const start_command&) -> caf::result<void> {
      auto started = self->state.start();
      if (started)
        return caf::unit;
      self->state.stop();
      self->quit();
      return to_caf(started.error());
    },
    [self](const stop_command&) -> caf::result<void> {
      self->state.stop();
      self->quit();
      return caf::unit;
    },
    [self](const claim_command&) { self->state.claim(); },
    [self](const step_down_command& command) {
      self->state.step_down(command.epoch);
    },
    [self](caf::tick_atom) { self->state.tick(); },
  };
}

} // namespace dbproxy
