#include "transport/zmq_client.hpp"

#include "messages/limits.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <utility>

namespace dbproxy {

namespace {

/// Requests that ZeroMQ keeps; the primary takes no more of them at a time.
constexpr int request_queue_max = int{limits::peer_in_flight_max};

/// Replies that wait for this process to take them: more than it has asked for,
/// as libzmq, once it has stopped reading, loses what is left in the kernel's
/// buffer when the primary closes the connection.
constexpr int reply_queue_max =
  int{limits::instance_writes_max + limits::queued_reads_max};

} // namespace

zmq_client::zmq_client(zmq_socket dealer) : dealer_(std::move(dealer)) {}

result<std::unique_ptr<zmq_client>>
zmq_client::connect(const std::string& rpc_addr) {
  auto dealer = zmq_socket::open(
    socket_kind::dealer, {.send_queue_max = request_queue_max,
                          .receive_queue_max = reply_queue_max});
  if (!dealer)
    return dealer.error();
  if (auto connected = dealer->connect(rpc_addr); !connected)
    return connected.error();
  return std::unique_ptr<zmq_client>{new zmq_client{std::move(*dealer)}};
}

void zmq_client::send(std::vector<std::string> payloads) {
  waiting_.insert(
    waiting_.end(), std::make_move_iterator(payloads.begin()),
    std::make_move_iterator(payloads.end()));
  flush();
}

void zmq_client::flush() {
  while (!waiting_.empty()) {
    if (dealer_.send(waiting_.front()) != send_status::sent)
      return;
    waiting_.pop_front();
  }
}

std::vector<std::string> zmq_client::receive() {
  std::vector<std::string> replies;
  std::array<std::string, 2> frames;
  while (replies.size() < limits::receive_round_max) {
    const auto count = dealer_.receive(frames);
    if (count == 0)
      break;
    // We ask without a delimiter, so a reply with one is none of ours.
    if (count == 1)
      replies.push_back(std::move(frames[0]));
  }
  return replies;
}

void zmq_client::drain() {
  using std::chrono::milliseconds;
  const auto deadline = std::chrono::steady_clock::now() + linger_max;
  const auto left = [deadline] {
    return std::max(
      milliseconds{0}, std::chrono::ceil<milliseconds>(
                         deadline - std::chrono::steady_clock::now()));
  };
  while (has_waiting() && left() > milliseconds{0}) {
    poll_entry entry{
      .socket = &dealer_, .want_read = false, .want_write = true};
    wait_for_events({&entry, 1}, left());
    flush();
  }
  dealer_.set_linger(left());
}

} // namespace dbproxy
