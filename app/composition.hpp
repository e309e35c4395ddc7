// The composition root: what runs in an instance, started in order and stopped
// in the other. `instance` is its face.
#pragma once

#include "actors/dispatch.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/proxy.hpp"
#include "actors/reader.hpp"
#include "app/options.hpp"
#include "transport/contention_hint.hpp"
#include "transport/instance_directory.hpp"
#include "transport/leader_lock.hpp"
#include "transport/zmq_loop.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace dbproxy {

/// Who is primary, for threads that wait for one.
class primary_board {
public:
  void set(std::optional<primary_record> primary) {
    {
      std::lock_guard guard{mutex_};
      primary_ = std::move(primary);
    }
    changed_.notify_all();
  }

  std::optional<primary_record> get() {
    std::lock_guard guard{mutex_};
    return primary_;
  }

  bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(
      guard, timeout, [&] { return primary_.has_value(); });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<primary_record> primary_;
};

/// The composition root: what runs, in the order in which it was started.
class composition {
public:
  composition(caf::actor_system& system, instance_options wanted)
    : system_(system),
      options(std::move(wanted)) {}

  composition(const composition&) = delete;
  composition& operator=(const composition&) = delete;
  ~composition() { stop(); }

  result<void> start();
  void stop();
  void add_host_actor(caf::actor actor);

private:
  caf::actor_system& system_;

public:
  instance_options options;
  instance_role role = instance_role::standalone;
  std::shared_ptr<primary_board> board = std::make_shared<primary_board>();
  std::shared_ptr<dispatch> registry;
  std::shared_ptr<metrics> figures = std::make_shared<metrics>();
  proxy_actor proxy;

private:
  result<void> take_role();
  result<void> open_storage();
  result<void> serve();
  result<void> follow();
  proxy_parts parts_for_proxy() const;
  void release_role();
  bool ask_coordinator_to_drain();
  void end(const std::vector<caf::actor>& actors);

  std::optional<instance_directory> directory_;
  std::optional<leader_lock> lock_;
  std::int64_t epoch_ = 0;
  std::shared_ptr<contention_hint> hint_;
  std::shared_ptr<zmq_loop> loop_;
  std::shared_ptr<read_pool> readers_;
  writer_actor writer_;
  coordinator_actor coordinator_;
  publisher_actor publisher_;
  gateway_actor gateway_;
  forwarder_actor forwarder_;
  elector_actor elector_;
  std::vector<caf::actor> host_actors_;
  std::mutex host_mutex_;
};

} // namespace dbproxy
