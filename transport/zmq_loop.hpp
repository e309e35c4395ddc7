// What owns all ZeroMQ sockets of an instance: those of the primary and those
// of a secondary. One thread serves them; everybody else posts.
#pragma once

#include "messages/errors.hpp"
#include "transport/endpoints.hpp"
#include "transport/event_source.hpp"
#include "transport/zmq_client.hpp"
#include "transport/zmq_server.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dbproxy {

/// One thread, two roles: `serve` makes it answer requests and announce
/// events, `connect` makes it ask another instance. Either, both or none at a
/// time. It sleeps while nothing happens.
///
/// All functions may be called from any thread, but serve() and
/// stop_serving(), which wait for the loop's thread, not from that one. What
/// one thread posts is done in its order.
class zmq_loop {
public:
  /// Called on the loop's thread. They must neither block nor throw.
  struct handlers {
    /// Requests, at least one, at most limits::receive_round_max.
    std::function<void(std::vector<peer_message>)> on_requests;
    /// Replies of the primary, in the same numbers.
    std::function<void(std::vector<std::string>)> on_replies;
    /// A connect() that could not even be begun. May be left out, as the
    /// following ones.
    std::function<void(write_error)> on_connect_error = {};
    /// The primary announced something under this `instance.` topic.
    std::function<void(std::string)> on_instance_event = {};
    /// The primary's process has ended.
    std::function<void()> on_primary_ended = {};
  };

  /// Runs on `lent`, which outlives the loop, or on a thread of its own where
  /// there is none or it has something else to serve. INTERNAL where the
  /// system is out of threads or descriptors.
  static result<std::unique_ptr<zmq_loop>>
  start(handlers on, event_thread* lent = nullptr);

  zmq_loop(const zmq_loop&) = delete;
  zmq_loop& operator=(const zmq_loop&) = delete;

  /// Sends what was posted before, waiting for each peer for linger_max at
  /// most, and leaves the thread. No handler is called afterwards. Not from a
  /// handler.
  ~zmq_loop();

  /// Binds the ROUTER and the PUB, and waits until it is done. A bind takes
  /// over an `ipc://` address from whoever had it, without a word to them: only
  /// for the holder of the lock. INTERNAL, naming the address, where it fails,
  /// or if the loop serves already.
  result<void> serve(const endpoints& where);

  /// Stops receiving, removes the socket files, and sends what was posted
  /// before, waiting for that for linger_max at most. Returns when all that is
  /// done. Does nothing where the loop does not serve.
  void stop_serving();

  /// Sends replies: requests as they came, their payload replaced. Without
  /// effect where the loop does not serve any more.
  ///
  /// Nothing that may be in flight is lost: a peer that does not read has 512
  /// replies kept for it by ZeroMQ, then limits::peer_backlog_replies_max and
  /// limits::peer_backlog_bytes_max by the loop. Past that its replies are
  /// dropped and counted.
  void reply(std::vector<peer_message> replies);

  /// Announces an event. A subscriber for which limits::subscriber_frames_max
  /// events wait loses it. Without effect where the loop does not serve.
  void publish(std::string topic, std::string payload);

  /// True while somebody listens to changes (topics that begin with `db.`), so
  /// that it is worth while to announce them.
  bool has_change_subscribers() const noexcept;

  /// Connects to a primary, in place of the one before: what that one was not
  /// sent yet is dropped, and so are the replies that it has not sent. The
  /// connection is made, and made again, in the background.
  void connect(primary_address where);

  /// Forgets the primary, with the same losses.
  void disconnect();

  /// Sends requests to the primary, one message each. Those that it does not
  /// take yet wait, in any number: the caller bounds what it asks for. Without
  /// effect where the loop is not connected.
  void send(std::vector<std::string> payloads);

  /// Replies dropped, so far, because their peer did not read.
  std::uint64_t replies_dropped() const noexcept;

private:
  class inbox;
  class worker;

  zmq_loop(handlers on, std::unique_ptr<inbox> box);
  result<void> run_on(event_thread* lent);

  std::unique_ptr<inbox> inbox_;
  std::atomic<std::uint64_t> dropped_ = 0;
  std::atomic<bool> change_subscribers_ = false;
  std::unique_ptr<worker> worker_;
  std::unique_ptr<event_thread> own_thread_;
  event_thread* thread_ = nullptr; ///< own_thread_, or one that is lent
};

} // namespace dbproxy
