// The scheduler of actor systems that host an instance: one thread runs the
// actors and, between them, serves the sockets.
#pragma once

#include "transport/event_source.hpp"

#include <caf/all.hpp>
#include <caf/policy/unprofiled.hpp>
#include <caf/scheduler/coordinator.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

namespace dbproxy {

/// The actors that have something to do, and what to wait for when none has.
class run_queue : public event_thread {
public:
  /// Any thread. Wakes the scheduler's thread only where it sleeps.
  void push(caf::resumable* job);

  /// The next job; serves the sockets while there is none, and now and then
  /// while there are many. The scheduler's thread.
  caf::resumable* pop();

  /// The next job, null if there is none.
  caf::resumable* try_pop();

  bool attach(event_source& source) override;
  void detach(event_source& source) override;
  bool is_current() const override;

private:
  caf::resumable* take();

  mutable std::mutex mutex_;
  /// Something was pushed or attached, or a turn ended.
  std::condition_variable changed_;
  std::deque<caf::resumable*> jobs_;
  event_source* source_ = nullptr;
  bool in_turn_ = false;
  bool asleep_ = false; ///< in a turn that may wait, until the first push
  std::size_t jobs_since_turn_ = 0;
  std::thread::id thread_;
};

/// Makes `run_queue` a policy of CAF's scheduler.
class event_policy : public caf::policy::unprofiled {
public:
  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator*) {}
    run_queue jobs;
  };

  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {}
  };

  template <class Coordinator>
  void central_enqueue(Coordinator* self, caf::resumable* job) {
    self->data().jobs.push(job);
  }

  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* job) {
    self->parent()->data().jobs.push(job);
  }

  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* job) {
    self->parent()->data().jobs.push(job);
  }

  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* job) {
    self->parent()->data().jobs.push(job);
  }

  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    return self->parent()->data().jobs.pop();
  }

  template <class Worker, class F>
  void foreach_resumable(Worker*, F) {}

  template <class Coordinator, class F>
  void foreach_central_resumable(Coordinator* self, F visit) {
    while (auto* job = self->data().jobs.try_pop())
      visit(job);
  }
};

/// Has one worker, whatever the configuration says. A write that waits for no
/// other thread passes through proxy, forwarder and sockets, or sockets,
/// gateway and coordinator, without a change of thread. Actors that block or
/// compute for long are to be spawned detached.
class event_scheduler : public caf::scheduler::coordinator<event_policy> {
public:
  using super = caf::scheduler::coordinator<event_policy>;

  using super::super;

  /// For caf::actor_system_config::load.
  static caf::actor_system::module*
  make(caf::actor_system& system, caf::detail::type_list<>);

  void init(caf::actor_system_config& config) override;
};

/// The thread of a system with this scheduler; null for another one.
event_thread* event_thread_of(caf::actor_system& system);

} // namespace dbproxy
