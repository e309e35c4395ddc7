// What is announced after a commit, and about instances.
#pragma once

#include "messages/described.hpp"

#include <boost/json.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dbproxy {

/// The payload of a change.
struct change {
  std::string method;
  std::optional<std::string> request_id;
  std::string source_instance_id;
  std::string key; ///< of the row; empty where the method has none
};
BOOST_DESCRIBE_STRUCT(change, (), (method, request_id, source_instance_id, key))

/// A change and the topic that it is announced under.
struct announcement {
  std::string topic;
  change payload;
};
BOOST_DESCRIBE_STRUCT(announcement, (), (topic, payload))

/// The second frame of an event. `seq` grows by one per event within an epoch.
struct event_envelope {
  std::string instance_id;
  std::string topic;
  std::string timestamp;
  std::int64_t epoch = 0;
  std::int64_t seq = 0;
  boost::json::value payload;
};
BOOST_DESCRIBE_STRUCT(
  event_envelope, (), (instance_id, topic, timestamp, epoch, seq, payload))

/// Params of the notification `instance.committed`: what a secondary wrote
/// directly, for the primary to announce; and how long the WAL is by now.
struct committed_notice {
  std::vector<announcement> announcements;
  std::int64_t wal_pages = 0;
};
BOOST_DESCRIBE_STRUCT(committed_notice, (), (announcements, wal_pages))

/// Params of the notification `instance.joined`: a secondary says hello.
struct joined_notice {
  std::string instance_id;
  std::int64_t pid = 0;
};
BOOST_DESCRIBE_STRUCT(joined_notice, (), (instance_id, pid))

namespace topics {

inline constexpr std::string_view heartbeat = "instance.heartbeat";
inline constexpr std::string_view promoted = "instance.promoted";
inline constexpr std::string_view shutdown = "instance.shutdown";
inline constexpr std::string_view restarted = "instance.restarted";

/// What an instance says of itself; the topics of changes are those of the
/// methods.
inline constexpr std::array of_instance{
  heartbeat, promoted, shutdown, restarted};

} // namespace topics

} // namespace dbproxy
