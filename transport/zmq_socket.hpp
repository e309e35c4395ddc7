// A ZeroMQ socket, with its context, and failures as values. The only place
// that calls libzmq.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zmq {

class context_t;
class socket_t;

} // namespace zmq

namespace dbproxy {

/// How long what is on its way may hold up the end of a socket, where it may
/// at all.
inline constexpr std::chrono::milliseconds linger_max{200};

enum class socket_kind { router, dealer, publisher, subscriber };

/// What a socket keeps in memory, and for whom.
struct socket_options {
  /// Messages that wait to be sent, for each peer.
  int send_queue_max = 1000;
  /// Messages that wait to be received, from each peer.
  int receive_queue_max = 1000;
  /// Nothing waits for a peer that is not connected.
  bool connected_only = false;
  /// A SUB gets the messages whose first frame begins with this.
  std::string topics = {};
};

enum class send_status {
  sent,
  full,        ///< the peer's queue is; send again later
  unreachable, ///< a ROUTER has no such peer (any more)
};

/// A socket that never blocks, but for the end: the destructor of the last
/// socket of a context waits until what they all had to send is sent, as long
/// as they linger. To be used by one thread; it may be created on another one.
/// Frames past limits::frame_bytes_max close the connection that they come by.
/// A ROUTER tells what it cannot deliver.
class zmq_socket {
public:
  /// A socket in a context of its own, with one I/O thread. INTERNAL where the
  /// system is out of memory or descriptors.
  static result<zmq_socket>
  open(socket_kind kind, const socket_options& options);

  /// A socket in the context of this one. INTERNAL as above.
  result<zmq_socket>
  open_beside(socket_kind kind, const socket_options& options) const;

  zmq_socket(zmq_socket&& other) noexcept;
  zmq_socket& operator=(zmq_socket&& other) noexcept;
  ~zmq_socket();

  /// An `ipc://` address is taken over from whoever had it, without a word.
  /// INTERNAL, naming the address, where it cannot be had.
  result<void> bind(const std::string& address);

  /// Connects in the background, again and again. INTERNAL for what is no
  /// address.
  result<void> connect(const std::string& address);

  /// How long the context waits for what this socket had to send when it was
  /// closed. 0 unless told.
  void set_linger(std::chrono::milliseconds linger);

  /// Sends one frame; `more` if another one of the same message follows. A
  /// frame that was sent is empty afterwards or not; one that was not sent is
  /// as it was. Only the first frame of a message can fail.
  send_status send(std::string& frame, bool more = false);

  /// Receives one message if there is one: its first `frames.size()` frames
  /// are moved into `frames`. Returns how many it had; 0 if there is none.
  std::size_t receive(std::span<std::string> frames);

  /// What the socket can do at once. Costs a system call after each use of the
  /// socket, and none where nothing can have changed since the last time.
  struct readiness {
    bool read = false;
    bool write = false;
  };
  readiness ready();

  /// False where only its descriptor could tell of something new.
  bool may_be_ready() const noexcept { return unsure_; }

private:
  friend bool wait_for_events(
    std::span<struct poll_entry> entries,
    std::optional<std::chrono::milliseconds> timeout);

  zmq_socket(
    std::shared_ptr<zmq::context_t> context,
    std::unique_ptr<zmq::socket_t> socket);

  static result<zmq_socket> open_in(
    std::shared_ptr<zmq::context_t> context, socket_kind kind,
    const socket_options& options);

  std::shared_ptr<zmq::context_t> context_;
  std::unique_ptr<zmq::socket_t> socket_;
  int fd_ = -1;
  /// Something may be ready that `fd_` does not tell of: libzmq takes in what
  /// it tells whenever the socket is used (zmq_getsockopt(3), ZMQ_FD).
  bool unsure_ = true;
};

/// What to wait for: a socket or, without one, a descriptor.
struct poll_entry {
  zmq_socket* socket = nullptr;
  int fd = -1;
  bool want_read = true;
  bool want_write = false;
  bool readable = false; ///< filled in, as is the next
  bool writable = false;
};

/// Waits until one of the entries is ready, for ever without a timeout; true if
/// one is. False on a timeout, and when a signal came in between. At most
/// poll_entries_max entries; on the thread of their sockets.
bool wait_for_events(
  std::span<poll_entry> entries,
  std::optional<std::chrono::milliseconds> timeout);

inline constexpr std::size_t poll_entries_max = 8;

} // namespace dbproxy
