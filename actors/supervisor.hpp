// The supervisor: starts and ends everything else in an instance, takes and
// gives up the role of the primary, and restarts what fails.
#pragma once

#include "actors/dispatch.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/open_batches.hpp"
#include "actors/proxy.hpp"
#include "actors/reader.hpp"
#include "actors/role.hpp"
#include "actors/roster.hpp"
#include "actors/standing.hpp"
#include "actors/supervision.hpp"
#include "storage/schema.hpp"
#include "transport/contention_hint.hpp"
#include "transport/instance_directory.hpp"
#include "transport/leader_lock.hpp"
#include "transport/zmq_loop.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dbproxy {

/// What stays the same for the life of an instance.
struct supervisor_options {
  std::string instance_id;
  open_options open;
  role_request role = role_request::automatic;
  write_timeouts timeouts;
  write_routing routing = write_routing::automatic;
  std::size_t readers = 2;
  bool networking = true;
  supervision watch;
  std::shared_ptr<method_set> methods;
  std::shared_ptr<dispatch> registry;
  std::shared_ptr<metrics> figures;
  roster_ptr colleagues;
  std::shared_ptr<standing> where_we_stand;
  /// Called on the supervisor's thread after the role changed; may be empty.
  std::function<void(instance_role)> on_role_change = {};
};

class supervisor_state {
public:
  static inline const char* name = "supervisor";

  using pointer = supervisor_actor::stateful_pointer<supervisor_state>;

  void init(pointer self, supervisor_options options);
  result<void> start();
  void stop();
  void claim();
  void step_down(std::int64_t epoch);
  void on_down(const caf::down_msg& message);
  void tick();

private:
  using clock = std::chrono::steady_clock;

  /// An actor that is kept running.
  struct child {
    std::string part;
    caf::actor handle;
    std::function<caf::actor()> start;
  };

  // What is started, in the order of the functions.
  result<void> open_directory();
  result<void> take_lock_at_start();
  result<std::int64_t> open_storage(bool raise);
  result<void> start_loop();
  void start_storage();
  void start_proxy();
  result<void> lead(leader_lock lock, std::int64_t epoch);
  void start_primary(const primary_record& record);
  void follow();
  result<bool> promote();

  // And ended.
  bool drain();
  void give_up_lock();
  void leave_primary();
  void checkpoint_last();
  void end_storage();
  void end(const std::vector<std::string_view>& parts);

  // And kept.
  void run(std::string part, std::function<caf::actor()> start);
  void restart(child lost, const caf::error& reason);
  bool too_many_restarts();
  void back_off();
  void announce(std::string_view topic, boost::json::value payload);
  void tell_proxy();

  pointer self_ = nullptr;
  supervisor_options options_;
  std::optional<instance_directory> directory_;
  std::shared_ptr<contention_hint> hint_;
  open_batches at_writer_;
  std::shared_ptr<zmq_loop> loop_;
  std::shared_ptr<read_pool> readers_;
  std::optional<leader_lock> lock_;
  std::int64_t epoch_ = 0;
  std::vector<child> children_;
  std::vector<child> waiting_; ///< to be started again at the next tick
  std::deque<clock::time_point> restarts_;
  std::chrono::milliseconds pause_ = limits::role_pause_min;
  clock::time_point not_before_{}; ///< for the next attempt to be primary
  bool stopping_ = false;
};

/// Spawn it detached. It ends everything that it started before it ends.
supervisor_actor::behavior_type
supervisor(supervisor_state::pointer self, supervisor_options options);

} // namespace dbproxy
