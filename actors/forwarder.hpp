// The forwarder: a secondary's line to the primary. Sends writes as JSON-RPC,
// matches the replies, sends again what a primary refused for the moment or
// took with it, and answers everything by its deadline.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "transport/zmq_loop.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dbproxy {

struct forwarder_options {
  std::string instance_id;
  std::shared_ptr<metrics> figures;
  std::optional<primary_record> primary = {};
};

class forwarder_state {
public:
  static inline const char* name = "forwarder";

  using pointer = forwarder_actor::stateful_pointer<forwarder_state>;

  void start(
    pointer self, std::shared_ptr<zmq_loop> loop, forwarder_options options);
  caf::result<written> forward(const forward_command& command);
  caf::result<void> probe();
  void change_primary(const primary_changed& news);
  void receive(const replies_received& replies);
  void announce(const committed_directly& committed);
  void tick();
  /// Answers every open promise; for the way out.
  void abandon(const write_error& error);

private:
  using rpc_id = std::int64_t;

  /// A write that is not answered yet.
  struct pending {
    write_ptr write;
    time_point deadline;
    caf::typed_response_promise<written> promise;
    std::size_t copies = 0; ///< that the present primary has not answered
    bool lost = false;      ///< an earlier primary had it and did not answer
    std::optional<write_error> refusal; ///< the latest, retryable
    time_point resend_at{}; ///< if the primary has not answered by then

    bool is_sent() const noexcept { return copies > 0; }
  };

  struct open_probe {
    time_point deadline;
    caf::typed_response_promise<void> promise;
  };

  void connect();
  bool may_send() const;
  void send_due();
  void send_again(rpc_id id, pending& item);
  void hold(time_point now);
  void stop_holding();
  result<std::string> text_of(rpc_id id, const pending& item) const;
  void on_reply(rpc_id id, result<boost::json::value> outcome);
  void answer(pending& item, result<written> outcome);
  void fail_all_unreachable();
  write_error late_error(const pending& item) const;
  void tell_committed();
  time_point due(const pending& item) const;
  void arm_tick(time_point due);

  pointer self_ = nullptr;
  std::shared_ptr<zmq_loop> loop_;
  forwarder_options options_;
  rpc_id next_id_ = 1;
  /// Ordered by id, which is the order of the writes.
  std::map<rpc_id, pending> pending_;
  /// What waits for its turn to be sent, in the same order.
  std::set<rpc_id> unsent_;
  std::size_t copies_ = 0; ///< of all writes, that are not answered
  /// Since something was refused for the moment: nothing is sent before.
  std::optional<time_point> held_until_;
  std::chrono::milliseconds next_hold_ = limits::retry_pause_min;
  bool silent_ = false;
  std::map<rpc_id, open_probe> probes_;
  committed_notice notice_; ///< not told yet
  time_point told_at_{};
  std::optional<time_point> tick_at_; ///< the earliest one under way
};

forwarder_actor::behavior_type forwarder(
  forwarder_state::pointer self, std::shared_ptr<zmq_loop> loop,
  forwarder_options options);

} // namespace dbproxy
