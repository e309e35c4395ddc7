// The primary's sockets: a ROUTER that takes requests and sends replies, and a
// PUB that announces events.
#pragma once

#include "messages/errors.hpp"
#include "messages/limits.hpp"
#include "transport/endpoints.hpp"
#include "transport/zmq_socket.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace dbproxy {

/// A request from a peer, or the reply to one: what is copied from the request
/// makes the reply find its way, in the form that the request had.
struct peer_message {
  std::string peer;       ///< the routing id
  bool delimiter = false; ///< an empty frame comes before the payload
  bool malformed = false; ///< there were more frames, and there is no payload
  std::string payload;

  bool operator==(const peer_message&) const = default;
};

/// Used by the thread of zmq_loop alone. The destructor removes the socket
/// files, then waits up to linger_max until the replies and events that are on
/// their way are sent.
class zmq_server {
public:
  /// Binds both sockets. Takes the addresses over from whoever had them, so
  /// only the holder of the lock may do this. INTERNAL, naming the address,
  /// where one cannot be had; then neither is. Replies that are dropped because
  /// their peer does not read are counted in `dropped`, which must outlive it.
  static result<std::unique_ptr<zmq_server>>
  bind(const endpoints& where, std::atomic<std::uint64_t>& dropped);

  zmq_server(const zmq_server&) = delete;
  zmq_server& operator=(const zmq_server&) = delete;
  ~zmq_server();

  zmq_socket& requests() noexcept { return router_; }
  zmq_socket& events() noexcept { return publisher_; }

  /// The requests that are there, up to limits::receive_round_max.
  std::vector<peer_message> receive();

  /// Sends replies, those to one peer in their order. Those to peers that are
  /// gone are dropped.
  void reply(std::vector<peer_message> replies);

  /// Announces one event. A subscriber that does not keep up loses it.
  void publish(std::string topic, std::string payload);

  /// Takes in who subscribed and who left.
  void receive_subscriptions();

  /// True if somebody has subscribed to topics that begin with `db.`.
  bool has_change_subscribers() const noexcept { return change_prefixes_ > 0; }

  /// How long to wait before `retry()`; nothing if no reply waits.
  std::optional<std::chrono::milliseconds> retry_pause() const;

  /// Sends waiting replies, if it is time for that.
  void retry();

private:
  using clock = std::chrono::steady_clock;

  struct backlog {
    std::deque<peer_message> replies;
    std::size_t bytes = 0;
  };

  zmq_server(
    endpoints where, zmq_socket router, zmq_socket publisher,
    std::atomic<std::uint64_t>& dropped);

  send_status send(peer_message& reply);
  void keep(peer_message reply);
  bool send_backlog(backlog& waiting);

  std::atomic<std::uint64_t>& dropped_;
  endpoints where_;
  zmq_socket router_;
  zmq_socket publisher_;
  /// Prefixes of changes that at least one peer has subscribed to.
  std::size_t change_prefixes_ = 0;
  std::unordered_map<std::string, backlog> backlogs_;
  std::chrono::milliseconds pause_{};
  clock::time_point retry_at_;
};

} // namespace dbproxy
