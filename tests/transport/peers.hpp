// Who talks to a loop in a test: raw sockets as another language has them, and
// two kinds of server.
#pragma once

#include "transport/zmq_loop.hpp"

#include "tests/transport/fixtures.hpp"

#include <zmq.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy::test {

/// A message.
using frames = std::vector<std::string>;

/// A socket of a client that knows nothing of our code. Fails by an exception
/// where nothing comes for too long.
class raw_peer {
public:
  raw_peer(
    zmq::socket_type type, const std::string& address,
    const std::string& topic = "")
    : socket_(context_, type) {
    const auto milliseconds =
      static_cast<int>(std::chrono::milliseconds{patience}.count());
    socket_.set(zmq::sockopt::rcvtimeo, milliseconds);
    socket_.set(zmq::sockopt::sndtimeo, milliseconds);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::reconnect_ivl, 5);
    if (type == zmq::socket_type::sub)
      socket_.set(zmq::sockopt::subscribe, topic);
    socket_.connect(address);
  }

  void send(const frames& message) {
    for (std::size_t i = 0; i < message.size(); ++i) {
      const auto more = i + 1 < message.size() ? zmq::send_flags::sndmore
                                               : zmq::send_flags::none;
      if (!socket_.send(zmq::buffer(message[i]), more))
        throw std::runtime_error{"nothing takes the message"};
    }
  }

  frames receive() {
    auto message = receive(zmq::recv_flags::none);
    if (!message)
      throw std::runtime_error{"nothing was received"};
    return *message;
  }

  /// A message if one comes within a moment.
  bool receive_now() {
    zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    zmq::poll(&item, 1, std::chrono::milliseconds{1});
    return receive(zmq::recv_flags::dontwait).has_value();
  }

  /// From now on.
  void watch_disconnects() {
    const std::string name = "inproc://monitor";
    zmq_socket_monitor(socket_.handle(), name.c_str(), ZMQ_EVENT_DISCONNECTED);
    monitor_ = zmq::socket_t{context_, zmq::socket_type::pair};
    monitor_.set(
      zmq::sockopt::rcvtimeo,
      static_cast<int>(std::chrono::milliseconds{patience}.count()));
    monitor_.connect(name);
  }

  bool await_disconnect() {
    zmq::message_t event;
    return monitor_.recv(event).has_value();
  }

private:
  std::optional<frames> receive(zmq::recv_flags flags) {
    frames message;
    zmq::message_t frame;
    do {
      if (!socket_.recv(frame, flags))
        return std::nullopt;
      message.push_back(frame.to_string());
    } while (frame.more());
    return message;
  }

  zmq::context_t context_;
  zmq::socket_t socket_;
  zmq::socket_t monitor_;
};

using on_requests = std::function<void(std::vector<peer_message>)>;
using on_replies = std::function<void(std::vector<std::string>)>;

inline std::unique_ptr<zmq_loop>
start(on_requests requests, on_replies replies) {
  auto loop =
    zmq_loop::start({std::move(requests), std::move(replies), nullptr});
  return std::move(loop.value());
}

/// Hands each reply over.
inline on_replies collect(handed_over<std::string>& to) {
  return [&to](std::vector<std::string> replies) {
    for (auto& reply : replies)
      to.put(std::move(reply));
  };
}

/// Answers each request with its own payload.
struct echo_server {
  explicit echo_server(const endpoints& where)
    : loop(start(
      [this](std::vector<peer_message> requests) {
        thread_id = ::gettid();
        self.load()->reply(std::move(requests));
      },
      [](auto) {})) {
    self = loop.get();
    loop->serve(where).value();
  }

  std::atomic<zmq_loop*> self = nullptr;
  std::atomic<pid_t> thread_id = 0;
  std::unique_ptr<zmq_loop> loop;
};

/// Hands each request over.
struct recording_server {
  explicit recording_server(const endpoints& where)
    : loop(start(
      [this](std::vector<peer_message> batch) {
        for (auto& request : batch)
          requests.put(std::move(request));
      },
      [](auto) {})) {
    loop->serve(where).value();
  }

  std::optional<peer_message> take() { return requests.take(); }

  handed_over<peer_message> requests;
  std::unique_ptr<zmq_loop> loop;
};

/// A directory for sockets.
struct loop_fixture {
  temp_directory temp;

  endpoints where(const std::string& name = "first") const {
    return {
      ipc_address((temp / (name + "-rpc.sock")).native()),
      ipc_address((temp / (name + "-pub.sock")).native())};
  }
};

} // namespace dbproxy::test
