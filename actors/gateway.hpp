// The gateway: serves JSON-RPC to other processes. Decodes their calls, hands
// writes to the coordinator and reads to the readers, and answers in the form
// that the request had.
#pragma once

#include "actors/dispatch.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/proxy.hpp"
#include "actors/reader.hpp"
#include "actors/roster.hpp"
#include "actors/sequencer.hpp"
#include "transport/json_rpc.hpp"
#include "transport/zmq_loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace dbproxy {

/// What the gateway says about its instance.
struct gateway_identity {
  std::string database;
  primary_record record;
  time_point started = std::chrono::steady_clock::now();
};

struct gateway_parts {
  gateway_identity identity;
  write_timeouts timeouts;
  std::shared_ptr<zmq_loop> loop;
  std::shared_ptr<dispatch> registry;
  std::shared_ptr<metrics> figures;
  std::shared_ptr<read_pool> readers;
  /// Has the coordinator, the publisher and the request parser.
  roster_ptr colleagues;
};

class gateway_state {
public:
  static inline const char* name = "gateway";

  using pointer = gateway_actor::stateful_pointer<gateway_state>;

  void start(pointer self, gateway_parts parts);
  void receive(requests_received& requests);
  /// Answers every call that is open; for the way out.
  void abandon(const write_error& error);

private:
  /// What is under way for one peer, and the order of its requests: a large
  /// text and a write that is dispatched keep their place. Lives as long as an
  /// exchange.
  struct lane {
    std::size_t in_flight = 0;
    sequencer texts;
    sequencer writes;
  };

  using lane_ptr = std::shared_ptr<lane>;
  using lane_map = std::unordered_map<std::string, std::weak_ptr<lane>>;

  /// One text from a peer, and the answers to the calls in it.
  struct exchange {
    lane_ptr way;
    peer_message reply; ///< the peer and the form of the request
    bool batch = false;
    std::size_t open = 0;
    std::size_t bytes = 0; ///< of the answers
    std::vector<std::string> answers;
    std::vector<boost::json::value> unanswered; ///< ids of its calls
  };
  using exchange_ptr = std::shared_ptr<exchange>;

  /// One call of an exchange.
  struct call {
    exchange_ptr origin;
    rpc_request request;
  };

  /// A secondary that said hello.
  struct peer {
    std::string instance_id;
    std::int64_t pid = 0;
    time_point seen{};
  };

  using call_ptr = std::shared_ptr<call>;
  using handler = void (gateway_state::*)(const call_ptr&);

  static const std::map<std::string_view, handler>& handlers();

  void receive_one(peer_message& message);
  void parse_beside(const exchange_ptr& origin, std::string text);
  void open_exchange(const exchange_ptr& origin, rpc_message& parsed);
  lane_ptr lane_of(const std::string& sender);
  void handle(const call_ptr& item);
  void write(const call_ptr& item);
  void read(const call_ptr& item);
  void ping(const call_ptr& item);
  void info(const call_ptr& item);
  void metrics_of(const call_ptr& item);
  void discover(const call_ptr& item);
  void committed(const call_ptr& item);
  bool is_known(const announcement& news) const;
  void joined(const call_ptr& item);
  void host_method(const call_ptr& item, const rpc_method_actor& target);

  void submit(const call_ptr& item, write_ptr prepared, time_point deadline);
  void finish_write(
    const call_ptr& item, const write_ptr& prepared, time_point begun,
    const result<written>& outcome);
  boost::json::object
  describe(const coordinator_figures& queue, const storage_status& files);
  boost::json::array describe_peers();

  void succeed(const call& item, const boost::json::value& value);
  void succeed(const call& item, const json_text& value);
  void fail(const call& item, const write_error& error);
  void fail_params(const call& item, const std::string& detail);
  void respond(const call& item, std::string text);
  void close(const exchange_ptr& origin, std::string text);
  void answer(exchange& origin, std::string text);

  pointer self_ = nullptr;
  gateway_parts parts_;
  std::shared_ptr<lane_map> lanes_ = std::make_shared<lane_map>();
  std::size_t parsing_bytes_ = 0;
  std::unordered_set<exchange_ptr> exchanges_; // that have open calls
  std::unordered_map<std::string, peer> peers_;
};

gateway_actor::behavior_type
gateway(gateway_state::pointer self, gateway_parts parts);

} // namespace dbproxy
