#include "transport/zmq_loop.hpp"

#include "transport/dedicated_thread.hpp"
#include "transport/posix.hpp"
#include "transport/zmq_socket.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <variant>

#include <sys/eventfd.h>
#include <unistd.h>

namespace dbproxy {

namespace {

struct serve_command {
  endpoints where;
  std::promise<result<void>> done;
};

struct stop_serving_command {
  std::promise<void> done;
};

struct reply_command {
  std::vector<peer_message> replies;
};

struct publish_command {
  std::string topic;
  std::string payload;
};

struct connect_command {
  primary_address where;
};

struct disconnect_command {};

struct send_command {
  std::vector<std::string> payloads;
};

using command = std::variant<
  serve_command, stop_serving_command, reply_command, publish_command,
  connect_command, disconnect_command, send_command>;

} // namespace

// -- inbox -------------------------------------------------------------------

/// What is posted to the loop. The descriptor is written only where the loop
/// sleeps, so that a busy loop costs those who post no system call.
class zmq_loop::inbox {
public:
  explicit inbox(unique_fd wake) noexcept : wake_(std::move(wake)) {}

  /// Any thread.
  void post(command next) {
    bool was_asleep = false;
    {
      const std::lock_guard guard{mutex_};
      commands_.push_back(std::move(next));
      was_asleep = std::exchange(asleep_, false);
    }
    if (was_asleep)
      ::eventfd_write(wake_.get(), 1);
  }

  /// Keeps the loop from its next sleep, or ends it. Any thread.
  void interrupt() {
    bool was_asleep = false;
    {
      const std::lock_guard guard{mutex_};
      interrupted_ = true;
      was_asleep = std::exchange(asleep_, false);
    }
    if (was_asleep)
      ::eventfd_write(wake_.get(), 1);
  }

  /// Exchanges what was posted for an empty vector. The loop's thread.
  void take(std::vector<command>& commands) {
    const std::lock_guard guard{mutex_};
    commands_.swap(commands);
    asleep_ = false;
  }

  /// The wait is over: whoever posts now need not end it. The loop's thread.
  void wake_up() {
    const std::lock_guard guard{mutex_};
    asleep_ = false;
  }

  /// True if nothing was posted, so that the loop may wait: the next post will
  /// wake it. The loop's thread.
  bool fall_asleep() {
    const std::lock_guard guard{mutex_};
    asleep_ = commands_.empty() && !std::exchange(interrupted_, false);
    return asleep_;
  }

  int fd() const noexcept { return wake_.get(); }

  void acknowledge() noexcept {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
  }

private:
  unique_fd wake_;
  std::mutex mutex_;
  std::vector<command> commands_;
  bool asleep_ = false;
  bool interrupted_ = false;
};

// -- worker ------------------------------------------------------------------

/// What the thread runs. Everything but the inbox is used by it alone.
class zmq_loop::worker : public event_source {
public:
  worker(
    handlers on, inbox& box, std::atomic<std::uint64_t>& dropped,
    std::atomic<bool>& change_subscribers)
    : on_(std::move(on)),
      inbox_(box),
      dropped_(dropped),
      change_subscribers_(change_subscribers) {}

  void turn(bool may_wait) override {
    obey();
    wait(may_wait);
  }

  void interrupt() override { inbox_.interrupt(); }

  /// Does what was posted, and closes the sockets when all is sent. On any
  /// thread, after the last turn.
  void finish() {
    obey();
    if (client_)
      client_->drain();
    client_.reset();
    server_.reset();
  }

  void operator()(serve_command& serve) {
    if (server_) {
      serve.done.set_value(make_error(
        error_code::internal, "cannot bind " + serve.where.rpc_addr
                                + ": this instance is serving already"));
      return;
    }
    auto server = zmq_server::bind(serve.where, dropped_);
    if (!server) {
      serve.done.set_value(server.error());
      return;
    }
    server_ = std::move(*server);
    serve.done.set_value({});
  }

  void operator()(stop_serving_command& stop) {
    server_.reset();
    change_subscribers_ = false;
    stop.done.set_value();
  }

  void operator()(reply_command& reply) {
    if (server_)
      server_->reply(std::move(reply.replies));
  }

  void operator()(publish_command& publish) {
    if (server_)
      server_->publish(std::move(publish.topic), std::move(publish.payload));
  }

  void operator()(connect_command& connect) {
    client_.reset();
    auto client = zmq_client::connect(connect.where);
    if (client)
      client_ = std::move(*client);
    else if (on_.on_connect_error)
      on_.on_connect_error(client.error());
  }

  void operator()(disconnect_command&) { client_.reset(); }

  void operator()(send_command& send) {
    if (client_)
      client_->send(std::move(send.payloads));
  }

private:
  void obey() {
    inbox_.take(commands_);
    for (auto& next : commands_)
      std::visit(*this, next);
    commands_.clear();
  }

  /// Waits for whatever comes first, and serves the sockets.
  void wait(bool may_wait) {
    std::array<poll_entry, poll_entries_max> entries;
    std::size_t count = 0;
    entries[count++].fd = inbox_.fd();
    const auto server_at = count;
    if (server_) {
      entries[count++].socket = &server_->requests();
      entries[count++].socket = &server_->events();
    }
    const auto client_at = count;
    auto events_at = entries.size();
    auto process_at = entries.size();
    if (client_) {
      entries[count].socket = &client_->socket();
      entries[count++].want_write = client_->has_waiting();
      if (client_->events() != nullptr) {
        events_at = count++;
        entries[events_at].socket = client_->events();
      }
      if (client_->process() >= 0) {
        process_at = count++;
        entries[process_at].fd = client_->process();
      }
    }
    wait_for_events(std::span{entries}.first(count), timeout(may_wait));
    inbox_.wake_up();
    if (entries[0].readable)
      inbox_.acknowledge();
    if (server_) {
      server_->retry();
      // Before the requests: who subscribed, then asked, hears of it.
      if (entries[server_at + 1].readable) {
        server_->receive_subscriptions();
        change_subscribers_ = server_->has_change_subscribers();
      }
      if (entries[server_at].readable)
        receive_requests();
    }
    if (client_) {
      if (entries[client_at].writable)
        client_->flush();
      if (entries[client_at].readable)
        receive_replies();
      if (events_at < count && entries[events_at].readable)
        receive_events();
      if (process_at < count && entries[process_at].readable) {
        client_->forget_process();
        if (on_.on_primary_ended)
          on_.on_primary_ended();
      }
    }
  }

  std::optional<std::chrono::milliseconds> timeout(bool may_wait) {
    if (!may_wait || !inbox_.fall_asleep())
      return std::chrono::milliseconds{0};
    return server_ ? server_->retry_pause() : std::nullopt;
  }

  void receive_requests() {
    auto requests = server_->receive();
    if (!requests.empty())
      on_.on_requests(std::move(requests));
  }

  void receive_replies() {
    auto replies = client_->receive();
    if (!replies.empty())
      on_.on_replies(std::move(replies));
  }

  void receive_events() {
    for (auto& topic : client_->receive_topics())
      if (on_.on_instance_event)
        on_.on_instance_event(std::move(topic));
  }

  handlers on_;
  inbox& inbox_;
  std::atomic<std::uint64_t>& dropped_;
  std::atomic<bool>& change_subscribers_;
  std::unique_ptr<zmq_server> server_;
  std::unique_ptr<zmq_client> client_;
  std::vector<command> commands_;
};

// -- zmq_loop ----------------------------------------------------------------

zmq_loop::zmq_loop(handlers on, std::unique_ptr<inbox> box)
  : inbox_(std::move(box)),
    worker_(std::make_unique<worker>(
      std::move(on), *inbox_, dropped_, change_subscribers_)) {}

result<std::unique_ptr<zmq_loop>>
zmq_loop::start(handlers on, event_thread* lent) {
  assert(on.on_requests && on.on_replies);
  unique_fd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wake)
    return os_error("cannot create an eventfd", errno);
  std::unique_ptr<zmq_loop> loop{
    new zmq_loop{std::move(on), std::make_unique<inbox>(std::move(wake))}};
  if (auto runs = loop->run_on(lent); !runs)
    return runs.error();
  return loop;
}

result<void> zmq_loop::run_on(event_thread* lent) {
  if (lent != nullptr && lent->attach(*worker_)) {
    thread_ = lent;
    return {};
  }
  auto own = std::make_unique<dedicated_thread>();
  try {
    own->attach(*worker_);
  } catch (const std::system_error& error) {
    return os_error("cannot start a thread", error.code().value());
  }
  own_thread_ = std::move(own);
  thread_ = own_thread_.get();
  return {};
}

zmq_loop::~zmq_loop() {
  if (thread_ == nullptr)
    return;
  thread_->detach(*worker_);
  // Sockets may change threads between turns (zmq(7), "Thread safety").
  worker_->finish();
}

result<void> zmq_loop::serve(const endpoints& where) {
  assert(!thread_->is_current());
  serve_command serve{where, {}};
  auto done = serve.done.get_future();
  inbox_->post(std::move(serve));
  return done.get();
}

void zmq_loop::stop_serving() {
  assert(!thread_->is_current());
  stop_serving_command stop;
  auto done = stop.done.get_future();
  inbox_->post(std::move(stop));
  done.get();
}

void zmq_loop::reply(std::vector<peer_message> replies) {
  inbox_->post(reply_command{std::move(replies)});
}

void zmq_loop::publish(std::string topic, std::string payload) {
  inbox_->post(publish_command{std::move(topic), std::move(payload)});
}

void zmq_loop::connect(primary_address where) {
  inbox_->post(connect_command{std::move(where)});
}

void zmq_loop::disconnect() {
  inbox_->post(disconnect_command{});
}

void zmq_loop::send(std::vector<std::string> payloads) {
  inbox_->post(send_command{std::move(payloads)});
}

bool zmq_loop::has_change_subscribers() const noexcept {
  return change_subscribers_.load(std::memory_order_relaxed);
}

std::uint64_t zmq_loop::replies_dropped() const noexcept {
  return dropped_.load(std::memory_order_relaxed);
}

} // namespace dbproxy
