// A secondary's socket: a DEALER that is connected to the primary.
#pragma once

#include "messages/errors.hpp"
#include "transport/zmq_socket.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace dbproxy {

/// Used by the thread of zmq_loop alone. The destructor drops what was not
/// sent, unless told otherwise.
class zmq_client {
public:
  /// Connects in the background. INTERNAL for what is no address.
  static result<std::unique_ptr<zmq_client>>
  connect(const std::string& rpc_addr);

  const zmq_socket& socket() const noexcept { return dealer_; }

  /// Sends each payload as one message, in their order. What the primary does
  /// not take yet waits here.
  void send(std::vector<std::string> payloads);

  /// True if something waits for the socket to be writable.
  bool has_waiting() const noexcept { return !waiting_.empty(); }

  /// Sends what waits, as far as possible.
  void flush();

  /// The replies that are there, up to limits::receive_round_max.
  std::vector<std::string> receive();

  /// Waits up to linger_max until what waits here is sent, and lets the
  /// destructor wait the rest of that time for what is on its way then.
  void drain();

private:
  explicit zmq_client(zmq_socket dealer);

  zmq_socket dealer_;
  std::deque<std::string> waiting_;
};

} // namespace dbproxy
