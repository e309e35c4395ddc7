#include "transport/zmq_socket.hpp"

#include "messages/limits.hpp"

#include <zmq.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace dbproxy {

using namespace std::chrono_literals;

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
  std::unique_ptr<zmq::socket_t> socket)
  : context_(std::move(context)),
    socket_(std::move(socket)),
    fd_(socket_->get(zmq::sockopt::fd)) {}

zmq_socket::zmq_socket(zmq_socket&&) noexcept = default;
zmq_socket::~zmq_socket() = default;

zmq_socket& zmq_socket::operator=(zmq_socket&& other) noexcept {
  // The socket goes first: its context waits for it.
  socket_ = std::move(other.socket_);
  context_ = std::move(other.context_);
  fd_ = other.fd_;
  unsure_ = true;
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
  unsure_ = true;
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

zmq_socket::readiness zmq_socket::ready() {
  auto events = socket_->get(zmq::sockopt::events);
  readiness now{(events & ZMQ_POLLIN) != 0, (events & ZMQ_POLLOUT) != 0};
  unsure_ = now.read;
  return now;
}

std::size_t zmq_socket::receive(std::span<std::string> frames) {
  unsure_ = true;
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

namespace {

/// Asks the sockets of which something may be ready; true if something is.
/// With `signalled`, those whose descriptor told.
bool look_at_sockets(
  std::span<poll_entry> entries, std::span<const pollfd> signalled) {
  bool any = false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto& entry = entries[i];
    if (entry.socket == nullptr)
      continue;
    if (!entry.socket->may_be_ready() && !entry.want_write)
      if (signalled.empty() || signalled[i].revents == 0)
        continue;
    auto now = entry.socket->ready();
    entry.readable = entry.want_read && now.read;
    entry.writable = entry.want_write && now.write;
    any |= entry.readable || entry.writable;
  }
  return any;
}

} // namespace

bool wait_for_events(
  std::span<poll_entry> entries,
  std::optional<std::chrono::milliseconds> timeout) {
  assert(entries.size() <= poll_entries_max);
  bool any = look_at_sockets(entries, {});
  std::array<pollfd, poll_entries_max> items{};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    items[i].fd = entry.socket != nullptr ? entry.socket->fd_ : entry.fd;
    items[i].events = static_cast<short>(
      (entry.socket != nullptr || entry.want_read ? POLLIN : 0)
      | (entry.socket == nullptr && entry.want_write ? POLLOUT : 0));
  }
  auto wait = any ? 0 : static_cast<int>(timeout.value_or(-1ms).count());
  // Without a signal or an event nothing has happened; EINTR is such a case.
  if (::poll(items.data(), entries.size(), wait) <= 0)
    return any;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].socket != nullptr)
      continue;
    entries[i].readable = (items[i].revents & (POLLIN | POLLHUP)) != 0;
    entries[i].writable = (items[i].revents & POLLOUT) != 0;
    any |= entries[i].readable || entries[i].writable;
  }
  return look_at_sockets(entries, std::span{items}.first(entries.size()))
         || any;
}

} // namespace dbproxy
