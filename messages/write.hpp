// A write or read as it travels: who sends it, under which request id, which
// method, with which parameters; and which way a write took.
#pragma once

#include "messages/errors.hpp"
#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dbproxy {

/// What travels beside a write. Every member may be left out by a client that
/// does not send again.
struct write_meta {
  std::optional<std::string> source_instance_id;
  /// The idempotency key: a resend of the same write carries the same id.
  std::optional<std::string> request_id;
  std::optional<std::string> timestamp; ///< RFC 3339
  /// How long the sender will wait, counted from the arrival.
  std::optional<std::int64_t> timeout_ms;
  /// The same as a moment of this machine's CLOCK_MONOTONIC, in ms: it holds
  /// also where the message lay a while before it arrived.
  std::optional<std::int64_t> deadline_ms;
  /// Every earlier request id of the same form and source up to this one has
  /// been answered and will not be sent again: its journal entry may go.
  std::optional<std::string> settled_request_id;
};
BOOST_DESCRIBE_STRUCT(
  write_meta, (),
  (source_instance_id, request_id, timestamp, timeout_ms, deadline_ms,
   settled_request_id))

/// The params of `db.write`.
struct write_request {
  std::optional<write_meta> meta;
  std::string method;
  std::optional<boost::json::value> params;
};
BOOST_DESCRIBE_STRUCT(write_request, (), (meta, method, params))

/// The same, as it is sent.
struct write_request_text {
  write_meta meta;
  std::string method;
  json_text params;
};
BOOST_DESCRIBE_STRUCT(write_request_text, (), (meta, method, params))

/// The params of `db.read`.
struct read_request {
  std::string method;
  std::optional<boost::json::value> params;
};
BOOST_DESCRIBE_STRUCT(read_request, (), (method, params))

/// INVALID_PARAMS that names the member of `meta` that is out of bounds.
result<void> validate_meta(const write_meta& meta);

/// The way that a write took.
enum class write_route {
  local,     ///< by the primary, asked for in its own process
  direct,    ///< by a secondary, on its own connection
  forwarded, ///< sent to the primary
};

std::string_view to_string(write_route route) noexcept;

/// Options of one call; what is absent is the instance's default.
struct call_options {
  /// From now on; within (0, limits::timeout_max].
  std::optional<std::chrono::milliseconds> timeout;
  /// Given by a caller that may send the same write again.
  std::optional<std::string> request_id;
};

} // namespace dbproxy
