#include "transport/zmq_socket.hpp"

#include "messages/limits.hpp"

#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace dbproxy {

namespace {

/// From here on a frame is handed over instead of copied: the two allocations
/// that this takes cost about as much as copying so many bytes.
constexpr std::size_t zero_copy_bytes_min = 4096;

/// The first pause before a lost connection is tried again; it doubles up to
/// the second.
constexpr int reconnect_pause_min_ms = 10;
constexpr int reconnect_pause_max_ms = 500;

write_error zmq_error(std::string what, const zmq::error_t& error) {
  what += ": ";
  what += error.what();
  return make_error(error_code::internal, std::move(what));
}

zmq::socket_type type_of(socket_kind kind) noexcept {
  switch (kind) {
  case socket_kind::router:
    return zmq::socket_type::router;
  case socket_kind::dealer:
    return zmq::socket_type::dealer;
  case socket_kind::publisher:
    return zmq::socket_type::xpub;
  case socket_kind::subscriber:
    break;
  }
  return zmq::socket_type::sub;
}

void configure(
  zmq::socket_t& socket, socket_kind kind, const socket_options& options) {
  namespace opt = zmq::sockopt;
  socket.set(opt::linger, 0);
  socket.set(opt::maxmsgsize, std::int64_t{limits::frame_bytes_max});
  socket.set(opt::sndhwm, options.send_queue_max);
  socket.set(opt::rcvhwm, options.receive_queue_max);
  socket.set(opt::immediate, options.connected_only);
  socket.set(opt::reconnect_ivl, reconnect_pause_min_ms);
  socket.set(opt::reconnect_ivl_max, reconnect_pause_max_ms);
  if (kind == socket_kind::router)
    socket.set(opt::router_mandatory, true);
  if (kind == socket_kind::subscriber)
    socket.set(opt::subscribe, options.topics);
}

/// EINTR is not a failure of anything: nothing here waits.
send_status try_send(
  zmq::socket_t& socket, zmq::message_t& message, zmq::send_flags flags) {
  for (;;) {
    try {
      return socket.send(message, flags) ? send_status::sent
                                         : send_status::full;
    } catch (const zmq::error_t& error) {
      if (error.num() == EHOSTUNREACH)
        return send_status::unreachable;
      if (error.num() != EINTR)
        throw;
    }
  }
}

bool try_receive(zmq::socket_t& socket, zmq::message_t& message) {
  for (;;) {
    try {
      return socket.recv(message, zmq::recv_flags::dontwait).has_value();
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR)
        throw;
    }
  }
}

} // namespace

// -- zmq_socket --------------------------------------------------------------

zmq_socket::zmq_socket(
  std::shared_ptr<zmq::context_t> context,
  std::unique_ptr<zmq::socket_t> socket) noexcept
  : context_(std::move(context)),
    socket_(std::move(socket)) {}

zmq_socket::zmq_socket(zmq_socket&&) noexcept = default;
zmq_socket::~zmq_socket() = default;

zmq_socket& zmq_socket::operator=(zmq_socket&& other) noexcept {
  // The socket goes first: its context waits for it.
  socket_ = std::move(other.socket_);
  context_ = std::move(other.context_);
  return *this;
}

result<zmq_socket> zmq_socket::open_in(
  std::shared_ptr<zmq::context_t> context, socket_kind kind,
  const socket_options& options) {
  try {
    if (!context)
      context = std::make_shared<zmq::context_t>(1);
    auto socket = std::make_unique<zmq::socket_t>(*context, type_of(kind));
    configure(*socket, kind, options);
    return zmq_socket{std::move(context), std::move(socket)};
  } catch (const zmq::error_t& error) {
    return zmq_error("cannot create a ZeroMQ socket", error);
  }
}

result<zmq_socket>
zmq_socket::open(socket_kind kind, const socket_options& options) {
  return open_in(nullptr, kind, options);
}

result<zmq_socket>
zmq_socket::open_beside(socket_kind kind, const socket_options& options) const {
  return open_in(context_, kind, options);
}

result<void> zmq_socket::bind(const std::string& address) {
  try {
    socket_->bind(address);
    return {};
  } catch (const zmq::error_t& error) {
    return zmq_error("cannot bind " + address, error);
  }
}

result<void> zmq_socket::connect(const std::string& address) {
  try {
    socket_->connect(address);
    return {};
  } catch (const zmq::error_t& error) {
    return zmq_error("cannot connect to \"" + address + "\"", error);
  }
}

void zmq_socket::set_linger(std::chrono::milliseconds linger) {
  socket_->set(zmq::sockopt::linger, static_cast<int>(linger.count()));
}

send_status zmq_socket::send(std::string& frame, bool more) {
  const auto flags =
    zmq::send_flags::dontwait
    | (more ? zmq::send_flags::sndmore : zmq::send_flags::none);
  if (frame.size() < zero_copy_bytes_min) {
    zmq::message_t message{frame.data(), frame.size()};
    return try_send(*socket_, message, flags);
  }
  auto holder = std::make_unique<std::string>(std::move(frame));
  zmq::message_t message{
    holder->data(), holder->size(),
    [](void*, void* hint) { delete static_cast<std::string*>(hint); },
    holder.get()};
  // From here on the message owns it, until libzmq has sent the last byte.
  auto* text = holder.release();
  const auto status = try_send(*socket_, message, flags);
  if (status != send_status::sent)
    frame = std::move(*text);
  return status;
}

std::size_t zmq_socket::receive(std::span<std::string> frames) {
  std::size_t count = 0;
  zmq::message_t message;
  do {
    if (!try_receive(*socket_, message))
      return count;
    if (count < frames.size())
      frames[count].assign(message.data<char>(), message.size());
    ++count;
  } while (message.more());
  return count;
}

// -- waiting -----------------------------------------------------------------

bool wait_for_events(
  std::span<poll_entry> entries,
  std::optional<std::chrono::milliseconds> timeout) {
  assert(entries.size() <= poll_entries_max);
  std::array<zmq_pollitem_t, poll_entries_max> items{};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    items[i].socket =
      entry.socket != nullptr ? entry.socket->socket_->handle() : nullptr;
    items[i].fd = entry.fd;
    items[i].events = static_cast<short>(
      (entry.want_read ? ZMQ_POLLIN : 0)
      | (entry.want_write ? ZMQ_POLLOUT : 0));
  }
  int ready = 0;
  try {
    ready = zmq::poll(
      items.data(), entries.size(),
      timeout.value_or(std::chrono::milliseconds{-1}));
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR)
      throw;
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].readable = ready > 0 && (items[i].revents & ZMQ_POLLIN) != 0;
    entries[i].writable = ready > 0 && (items[i].revents & ZMQ_POLLOUT) != 0;
  }
  return ready > 0;
}

} // namespace dbproxy
