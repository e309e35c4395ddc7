#include "transport/subscriber.hpp"

#include "messages/limits.hpp"

#include <array>
#include <utility>

namespace dbproxy {

subscriber::subscriber(zmq_socket socket) : socket_(std::move(socket)) {}

result<subscriber> subscriber::connect(const std::string& pub_addr) {
  auto socket = zmq_socket::open(
    socket_kind::subscriber,
    {.receive_queue_max = limits::subscriber_frames_max});
  if (!socket)
    return socket.error();
  if (auto connected = socket->connect(pub_addr); !connected)
    return connected.error();
  return subscriber{std::move(*socket)};
}

result<std::optional<event_frames>>
subscriber::receive(std::chrono::milliseconds timeout) {
  std::array<std::string, 2> frames;
  auto count = socket_.receive(frames);
  if (count == 0) {
    poll_entry entry{.socket = &socket_};
    if (wait_for_events({&entry, 1}, timeout))
      count = socket_.receive(frames);
  }
  std::optional<event_frames> event;
  if (count == 0)
    return event;
  if (count != frames.size())
    return make_error(
      error_code::internal,
      "a message of " + std::to_string(count) + " frames is no event");
  event = event_frames{std::move(frames[0]), std::move(frames[1])};
  return event;
}

} // namespace dbproxy
