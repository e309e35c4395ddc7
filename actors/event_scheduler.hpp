// The scheduler of actor systems that host an instance: one thread runs the
// actors and, between them, serves the sockets.
#pragma once

#include "transport/event_source.hpp"

#include <caf/all.hpp>
#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace dbproxy {

/// The actors that have something to do, and what to wait for when none has.
class run_queue : public event_thread {
public:
  /// Any thread. Wakes the scheduler's thread only where it sleeps.
  void push(caf::resumable* job);

  /// The next job; serves the sockets while there is none, and now and then
  /// while there are many. Null when `close` was called and no job is left.
  /// The scheduler's thread.
  caf::resumable* pop();

  /// Lets `pop` end.
  void close();

  /// The next job, null if there is none.
  caf::resumable* try_pop();

  bool attach(event_source& source) override;
  void detach(event_source& source) override;
  bool is_current() const override;
  void stay_awake_while(std::function<bool()> is_worthwhile) override;

private:
  caf::resumable* take();

  mutable std::mutex mutex_;
  /// Something was pushed or attached, or a turn ended.
  std::condition_variable changed_;
  std::deque<caf::resumable*> jobs_;
  event_source* source_ = nullptr;
  bool in_turn_ = false;
  bool asleep_ = false; ///< in a turn that may wait, until the first push
  bool closed_ = false;
  std::size_t jobs_since_turn_ = 0;
  std::atomic<int> interrupting_ = 0;   ///< threads that wake the source
  std::function<bool()> is_worthwhile_; ///< to stay awake
  std::atomic<bool> has_jobs_ = false;  ///< what the waking thread looks at
  std::thread::id thread_;
};

/// One thread for all actors that are not detached. A write that waits for no
/// other thread passes through proxy, forwarder and sockets, or sockets,
/// gateway and coordinator, without a change of thread. Actors that block or
/// compute for long are to be spawned detached.
class event_scheduler : public caf::scheduler::abstract_coordinator {
public:
  using super = caf::scheduler::abstract_coordinator;

  using super::super;

  /// For caf::actor_system_config::load.
  static caf::actor_system::module*
  make(caf::actor_system& system, caf::detail::type_list<>);

  void init(caf::actor_system_config& config) override;
  void start() override;
  void stop() override;
  void enqueue(caf::resumable* job) override;
  caf::actor_clock& clock() noexcept override { return clock_; }

  event_thread& thread() noexcept { return jobs_; }

private:
  class worker;

  void run();

  run_queue jobs_;
  caf::detail::thread_safe_actor_clock clock_;
  std::thread actors_;
  std::thread timeouts_;
};

/// The thread of a system with this scheduler; null for another one.
event_thread* event_thread_of(caf::actor_system& system);

} // namespace dbproxy
