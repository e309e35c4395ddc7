// The publisher: gives every event its sequence number and announces it. The
// one place where events come from.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/supervision.hpp"
#include "transport/zmq_loop.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace dbproxy {

struct publisher_options {
  std::string instance_id;
  std::int64_t epoch = 0;
  /// The number of the last event of the epoch: it outlives a publisher that
  /// fails. Only its thread touches it.
  std::shared_ptr<std::int64_t> sequence = std::make_shared<std::int64_t>(0);
  std::chrono::milliseconds heartbeat_interval = default_heartbeat_interval;
};

struct publisher_state {
  static inline const char* name = "publisher";

  void publish(std::string_view topic, boost::json::value payload);

  std::shared_ptr<zmq_loop> loop;
  publisher_options options;
};

/// What is announced of a write after its commit.
announcement announcement_of(const prepared_write& write);

publisher_actor::behavior_type publisher(
  publisher_actor::stateful_pointer<publisher_state> self,
  std::shared_ptr<zmq_loop> loop, publisher_options options);

} // namespace dbproxy
