#include "transport/zmq_server.hpp"

#include "messages/limits.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <thread>
#include <utility>

#include <unistd.h>

namespace dbproxy {

namespace {

/// What a peer may have on its way without our keeping it in a backlog: every
/// request that it may have in flight, and as many refusals of further ones.
constexpr int reply_queue_max = 2 * int{limits::peer_in_flight_max};

/// Requests that wait for this process to take them; then the peer waits. It
/// is not less because libzmq, once it has stopped reading, loses what is left
/// in the kernel's buffer when the peer closes the connection.
constexpr int request_queue_max = int{limits::queued_writes_max};

/// Between two attempts to send what waits; doubled when nothing could be.
constexpr std::chrono::milliseconds retry_pause_min{1};
constexpr std::chrono::milliseconds retry_pause_max{100};

void remove_socket_file(const std::string& address) {
  // libzmq leaves it behind. Nobody else can have it: the lock is held.
  if (const auto path = ipc_path(address))
    ::unlink(path->c_str());
}

/// A request from the frames of a message: the peer, then the payload, or an
/// empty frame and the payload.
peer_message to_request(std::array<std::string, 3>& frames, std::size_t count) {
  peer_message request;
  request.peer = std::move(frames[0]);
  if (count == 2) {
    request.payload = std::move(frames[1]);
    return request;
  }
  request.delimiter = count > 2 && frames[1].empty();
  request.malformed = count != 3 || !request.delimiter;
  if (!request.malformed)
    request.payload = std::move(frames[2]);
  return request;
}

} // namespace

zmq_server::zmq_server(
  endpoints where, zmq_socket router, zmq_socket publisher,
  std::atomic<std::uint64_t>& dropped)
  : dropped_(dropped),
    where_(std::move(where)),
    router_(std::move(router)),
    publisher_(std::move(publisher)) {}

result<std::unique_ptr<zmq_server>>
zmq_server::bind(const endpoints& where, std::atomic<std::uint64_t>& dropped) {
  auto router = zmq_socket::open(
    socket_kind::router, {.send_queue_max = reply_queue_max,
                          .receive_queue_max = request_queue_max});
  if (!router)
    return router.error();
  auto publisher = router->open_beside(
    socket_kind::publisher, {.send_queue_max = limits::subscriber_frames_max});
  if (!publisher)
    return publisher.error();
  if (auto bound = router->bind(where.rpc_addr); !bound)
    return bound.error();
  if (auto bound = publisher->bind(where.pub_addr); !bound) {
    remove_socket_file(where.rpc_addr);
    return bound.error();
  }
  return std::unique_ptr<zmq_server>{
    new zmq_server{where, std::move(*router), std::move(*publisher), dropped}};
}

zmq_server::~zmq_server() {
  remove_socket_file(where_.rpc_addr);
  remove_socket_file(where_.pub_addr);
  const auto deadline = clock::now() + linger_max;
  // ZeroMQ does not say when a ROUTER can take more for a certain peer.
  while (!backlogs_.empty() && retry_at_ < deadline) {
    std::this_thread::sleep_until(retry_at_);
    retry();
  }
  const auto left = std::max(
    std::chrono::milliseconds{0},
    std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()));
  router_.set_linger(left);
  publisher_.set_linger(left);
}

std::vector<peer_message> zmq_server::receive() {
  std::vector<peer_message> requests;
  std::array<std::string, 3> frames;
  while (requests.size() < limits::receive_round_max) {
    const auto count = router_.receive(frames);
    if (count == 0)
      break;
    requests.push_back(to_request(frames, count));
  }
  return requests;
}

send_status zmq_server::send(peer_message& reply) {
  const auto status = router_.send(reply.peer, true);
  if (status != send_status::sent)
    return status;
  if (reply.delimiter) {
    std::string empty;
    static_cast<void>(router_.send(empty, true));
  }
  // Once the first frame is accepted the others are.
  static_cast<void>(router_.send(reply.payload));
  return status;
}

void zmq_server::reply(std::vector<peer_message> replies) {
  for (auto& reply : replies) {
    const bool behind = !backlogs_.empty() && backlogs_.contains(reply.peer);
    if (behind || send(reply) == send_status::full)
      keep(std::move(reply));
  }
}

void zmq_server::keep(peer_message reply) {
  if (backlogs_.empty()) {
    pause_ = retry_pause_min;
    retry_at_ = clock::now() + pause_;
  }
  auto& waiting = backlogs_[reply.peer];
  const auto bytes = waiting.bytes + reply.payload.size();
  const bool fits =
    bytes <= limits::peer_backlog_bytes_max
    && waiting.replies.size() < limits::peer_backlog_replies_max;
  if (!waiting.replies.empty() && !fits) {
    ++dropped_;
    return;
  }
  waiting.bytes = bytes;
  waiting.replies.push_back(std::move(reply));
}

bool zmq_server::send_backlog(backlog& waiting) {
  bool progress = false;
  while (!waiting.replies.empty()) {
    auto& reply = waiting.replies.front();
    const auto bytes = reply.payload.size();
    const auto status = send(reply);
    if (status == send_status::full)
      break;
    progress = true;
    if (status == send_status::unreachable) {
      waiting.replies.clear();
      break;
    }
    waiting.bytes -= bytes;
    waiting.replies.pop_front();
  }
  return progress;
}

std::optional<std::chrono::milliseconds> zmq_server::retry_pause() const {
  if (backlogs_.empty())
    return std::nullopt;
  const auto left =
    std::chrono::ceil<std::chrono::milliseconds>(retry_at_ - clock::now());
  return std::max(left, std::chrono::milliseconds{0});
}

void zmq_server::retry() {
  if (backlogs_.empty() || clock::now() < retry_at_)
    return;
  bool progress = false;
  for (auto& [peer, waiting] : backlogs_)
    progress |= send_backlog(waiting);
  std::erase_if(
    backlogs_, [](const auto& entry) { return entry.second.replies.empty(); });
  pause_ = progress ? retry_pause_min : std::min(2 * pause_, retry_pause_max);
  retry_at_ = clock::now() + pause_;
}

// An XPUB passes on the first subscription to a prefix and the end of the last:
// a byte, 1 or 0, and the prefix (zmq_socket(3), ZMQ_XPUB).
void zmq_server::receive_subscriptions() {
  constexpr std::string_view changes = "db.";
  std::array<std::string, 1> frames;
  while (publisher_.receive(frames) > 0) {
    const auto prefix = std::string_view{frames[0]}.substr(
      std::min<std::size_t>(1, frames[0].size()));
    const bool has_changes =
      prefix.starts_with(changes) || changes.starts_with(prefix);
    if (frames[0].empty() || !has_changes)
      continue;
    if (frames[0].front() == '\1')
      ++change_prefixes_;
    else if (change_prefixes_ > 0)
      --change_prefixes_;
  }
}

void zmq_server::publish(std::string topic, std::string payload) {
  if (publisher_.send(topic, true) == send_status::sent)
    static_cast<void>(publisher_.send(payload));
}

} // namespace dbproxy
