#include "transport/zmq_client.hpp"

#include "messages/limits.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <string_view>
#include <utility>

#include <sys/syscall.h>
#include <unistd.h>

namespace dbproxy {

namespace {

/// Requests that ZeroMQ keeps; the primary takes no more of them at a time.
constexpr int request_queue_max = int{limits::peer_in_flight_max};

/// Replies that wait for this process to take them: more than it has asked for,
/// as libzmq, once it has stopped reading, loses what is left in the kernel's
/// buffer when the primary closes the connection.
constexpr int reply_queue_max =
  int{limits::instance_writes_max + limits::queued_reads_max};

/// Heartbeats and the like; one that is lost is followed by the next.
constexpr int event_queue_max = 64;
constexpr std::string_view instance_topics = "instance.";

/// A descriptor that is readable when the process has ended; none where that
/// cannot be had, for example because it has ended. pidfd_open(2).
unique_fd watch_process(pid_t pid) {
  return unique_fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

} // namespace

zmq_client::zmq_client(zmq_socket dealer) : dealer_(std::move(dealer)) {}

result<std::unique_ptr<zmq_client>>
zmq_client::connect(const primary_address& where) {
  auto dealer = zmq_socket::open(
    socket_kind::dealer, {.send_queue_max = request_queue_max,
                          .receive_queue_max = reply_queue_max});
  if (!dealer)
    return dealer.error();
  if (auto connected = dealer->connect(where.rpc_addr); !connected)
    return connected.error();
  std::unique_ptr<zmq_client> line{new zmq_client{std::move(*dealer)}};
  if (!where.pub_addr.empty()) {
    auto events = line->dealer_.open_beside(
      socket_kind::subscriber, {.receive_queue_max = event_queue_max,
                                .topics = std::string{instance_topics}});
    if (!events)
      return events.error();
    if (auto connected = events->connect(where.pub_addr); !connected)
      return connected.error();
    line->events_ = std::move(*events);
  }
  if (where.pid > 0)
    line->process_ = watch_process(where.pid);
  return line;
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

std::vector<std::string> zmq_client::receive_topics() {
  std::vector<std::string> topics;
  std::array<std::string, 2> frames;
  while (topics.size() < limits::receive_round_max)
    if (events_->receive(frames) == 0)
      break;
    else
      topics.push_back(std::move(frames[0]));
  return topics;
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
