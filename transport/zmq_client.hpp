// A secondary's line to the primary: a DEALER that asks it, a SUB that hears
// its `instance.` events, and a descriptor that tells when its process ends.
#pragma once

#include "messages/errors.hpp"
#include "transport/posix.hpp"
#include "transport/zmq_socket.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace dbproxy {

/// Where a primary is.
struct primary_address {
  std::string rpc_addr;
  std::string pub_addr = {}; ///< empty: its events are not heard
  pid_t pid = 0;             ///< 0: its process is not watched
};

/// Used by the thread of zmq_loop alone. The destructor drops what was not
/// sent, unless told otherwise.
class zmq_client {
public:
  /// Connects in the background. INTERNAL for what is no address.
  static result<std::unique_ptr<zmq_client>>
  connect(const primary_address& where);

  zmq_socket& socket() noexcept { return dealer_; }

  /// Null where there is no address for events.
  zmq_socket* events() noexcept { return events_ ? &*events_ : nullptr; }

  /// Readable when the primary's process has ended; -1 where it is not
  /// watched, or was reported.
  int process() const noexcept { return process_.get(); }

  /// The end of the process was seen.
  void forget_process() noexcept { process_.reset(); }

  /// The topics of the events that are there.
  std::vector<std::string> receive_topics();

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
  std::optional<zmq_socket> events_;
  unique_fd process_;
  std::deque<std::string> waiting_;
};

} // namespace dbproxy
