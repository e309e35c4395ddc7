// A blocking subscriber to the events of a primary.
#pragma once

#include "messages/errors.hpp"
#include "transport/zmq_socket.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace dbproxy {

/// The two frames of an event.
struct event_frames {
  std::string topic;
  std::string payload; ///< the envelope, a JSON text

  bool operator==(const event_frames&) const = default;
};

/// Gets every event, whatever its topic: only so is a gap in the sequence
/// numbers seen. Can only be moved; to be used by one thread at a time.
class subscriber {
public:
  /// Subscribes at `pub_addr`, as the lock file names it. The connection is
  /// made, and made again, in the background; what is announced before it is
  /// made is missed. INTERNAL for what is no address.
  static result<subscriber> connect(const std::string& pub_addr);

  /// The next event; nothing if none comes within `timeout`, or as soon as a
  /// signal is caught by this thread. INTERNAL for a message that is no event.
  result<std::optional<event_frames>>
  receive(std::chrono::milliseconds timeout);

private:
  explicit subscriber(zmq_socket socket);

  zmq_socket socket_;
};

} // namespace dbproxy
