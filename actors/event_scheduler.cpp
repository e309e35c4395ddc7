#include "actors/event_scheduler.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include <pthread.h>

namespace dbproxy {

namespace {

// While actors have work, the sockets are served once in so many runs of one.
constexpr std::size_t jobs_per_turn_max = 32;

// An actor that always has another message gives way after so many.
constexpr std::size_t messages_per_job_max = 32;

} // namespace

// -- run_queue ---------------------------------------------------------------

void run_queue::push(caf::resumable* job) {
  std::unique_lock guard{mutex_};
  jobs_.push_back(job);
  has_jobs_ = true;
  if (!asleep_ || thread_ == std::this_thread::get_id())
    return;
  asleep_ = false;
  auto* source = source_;
  // Woken without the lock, which it needs at once; the source cannot go
  // meanwhile.
  ++interrupting_;
  guard.unlock();
  if (source != nullptr)
    source->interrupt();
  else
    changed_.notify_all();
  --interrupting_;
}

caf::resumable* run_queue::take() {
  auto* job = jobs_.front();
  jobs_.pop_front();
  return job;
}

caf::resumable* run_queue::try_pop() {
  const std::lock_guard guard{mutex_};
  return jobs_.empty() ? nullptr : take();
}

caf::resumable* run_queue::pop() {
  std::unique_lock guard{mutex_};
  thread_ = std::this_thread::get_id();
  bool stayed = false; // awake since the last turn
  for (;;) {
    const bool has_turn =
      source_ != nullptr && jobs_since_turn_ >= jobs_per_turn_max;
    if (!jobs_.empty() && !has_turn) {
      ++jobs_since_turn_;
      return take();
    }
    if (closed_ && jobs_.empty())
      return nullptr;
    jobs_since_turn_ = 0;
    if (jobs_.empty() && is_worthwhile_ && !std::exchange(stayed, true)) {
      auto is_worthwhile = is_worthwhile_;
      has_jobs_ = false;
      guard.unlock();
      stay_awake([this] { return has_jobs_.load(); }, is_worthwhile);
      guard.lock();
      continue;
    }
    stayed = false;
    asleep_ = jobs_.empty();
    if (source_ == nullptr) {
      changed_.wait(guard, [this] {
        return !jobs_.empty() || source_ != nullptr || closed_;
      });
    } else {
      in_turn_ = true;
      auto* source = source_;
      const bool may_wait = asleep_;
      guard.unlock();
      source->turn(may_wait);
      guard.lock();
      in_turn_ = false;
      if (source_ == nullptr)
        changed_.notify_all(); // somebody may wait for the end of this turn
    }
    asleep_ = false;
  }
}

void run_queue::close() {
  const std::lock_guard guard{mutex_};
  closed_ = true;
  if (source_ != nullptr)
    source_->interrupt();
  changed_.notify_all();
}

bool run_queue::attach(event_source& source) {
  const std::lock_guard guard{mutex_};
  if (source_ != nullptr)
    return false;
  source_ = &source;
  changed_.notify_all();
  return true;
}

void run_queue::detach(event_source& source) {
  std::unique_lock guard{mutex_};
  assert(source_ == &source);
  source_ = nullptr;
  if (in_turn_ && thread_ != std::this_thread::get_id()) {
    source.interrupt();
    changed_.wait(guard, [this] { return !in_turn_; });
  }
  guard.unlock();
  // Whoever is about to wake it has left the lock, and is done in a moment.
  while (interrupting_ > 0)
    std::this_thread::yield();
}

void run_queue::stay_awake_while(std::function<bool()> is_worthwhile) {
  const std::lock_guard guard{mutex_};
  is_worthwhile_ = std::move(is_worthwhile);
}

bool run_queue::is_current() const {
  const std::lock_guard guard{mutex_};
  return thread_ == std::this_thread::get_id();
}

// -- event_scheduler ---------------------------------------------------------

/// What an actor sees of the thread that runs it.
class event_scheduler::worker : public caf::execution_unit {
public:
  worker(caf::actor_system* system, run_queue& jobs)
    : execution_unit(system),
      jobs_(jobs) {}

  void exec_later(caf::resumable* job) override { jobs_.push(job); }

private:
  run_queue& jobs_;
};

caf::actor_system::module*
event_scheduler::make(caf::actor_system& system, caf::detail::type_list<>) {
  return new event_scheduler{system};
}

void event_scheduler::init(caf::actor_system_config& config) {
  super::init(config);
  num_workers_ = 1;
}

void event_scheduler::start() {
  actors_ = std::thread{[this] {
    ::pthread_setname_np(::pthread_self(), "dbproxy-actors");
    system().thread_started();
    run();
    system().thread_terminates();
  }};
  timeouts_ = std::thread{[this] {
    ::pthread_setname_np(::pthread_self(), "dbproxy-clock");
    system().thread_started();
    clock_.run_dispatch_loop();
    system().thread_terminates();
  }};
  super::start();
}

void event_scheduler::run() {
  worker unit{&system(), jobs_};
  const auto messages_max = std::min(max_throughput(), messages_per_job_max);
  while (auto* job = jobs_.pop())
    switch (job->resume(&unit, messages_max)) {
    case caf::resumable::resume_later:
      jobs_.push(job);
      break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
    case caf::resumable::shutdown_execution_unit:
      caf::intrusive_ptr_release(job);
      break;
    }
}

void event_scheduler::stop() {
  stop_actors();
  jobs_.close();
  actors_.join();
  clock_.cancel_dispatch_loop();
  timeouts_.join();
  while (auto* job = jobs_.try_pop())
    cleanup_and_release(job);
}

void event_scheduler::enqueue(caf::resumable* job) {
  jobs_.push(job);
}

event_thread* event_thread_of(caf::actor_system& system) {
  auto* scheduler = dynamic_cast<event_scheduler*>(&system.scheduler());
  return scheduler != nullptr ? &scheduler->thread() : nullptr;
}

} // namespace dbproxy
