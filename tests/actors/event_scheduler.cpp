// Tests of the scheduler that runs actors and serves sockets on one thread.
#define CAF_SUITE event_scheduler
#include "actors/event_scheduler.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 20s;

struct config : caf::actor_system_config {
  config() { load<event_scheduler>(); }
};

/// Sleeps in a turn until it is interrupted, and counts its turns.
class sleeper : public event_source {
public:
  void turn(bool may_wait) override {
    std::unique_lock guard{mutex_};
    ++turns_;
    changed_.notify_all();
    thread_ = std::this_thread::get_id();
    if (may_wait)
      changed_.wait_for(guard, patience, [this] { return interrupted_; });
    interrupted_ = false;
    changed_.notify_all();
  }

  void interrupt() override {
    const std::lock_guard guard{mutex_};
    interrupted_ = true;
    changed_.notify_all();
  }

  void wait_for_turns(int count) {
    std::unique_lock guard{mutex_};
    CAF_REQUIRE(
      changed_.wait_for(guard, patience, [&] { return turns_ >= count; }));
  }

  int turns() {
    const std::lock_guard guard{mutex_};
    return turns_;
  }

  std::thread::id thread() {
    const std::lock_guard guard{mutex_};
    return thread_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool interrupted_ = false;
  int turns_ = 0;
  std::thread::id thread_;
};

caf::behavior count_down(caf::event_based_actor* self) {
  return {[=](int left) -> caf::result<int> {
    if (left == 0)
      return 0;
    auto promise = self->make_response_promise<int>();
    self->request(caf::actor{self}, caf::infinite, left - 1)
      .then(
        [promise](int answer) mutable { promise.deliver(answer); },
        [promise](caf::error& error) mutable {
          promise.deliver(std::move(error));
        });
    return promise;
  }};
}

struct fixture {
  config settings;
  caf::actor_system system{settings};
  event_thread& thread = *event_thread_of(system);

  int ask(const caf::actor& whom, int value) {
    int answer = -1;
    caf::scoped_actor self{system};
    self->request(whom, patience, value)
      .receive(
        [&](int value_of) { answer = value_of; }, [](const caf::error&) {});
    return answer;
  }

  std::thread::id thread_of_actors() {
    std::promise<std::thread::id> found;
    system.spawn([&found](caf::event_based_actor*) {
      found.set_value(std::this_thread::get_id());
    });
    return found.get_future().get();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(event_scheduler_tests, fixture)

CAF_TEST(actors and sockets share one thread) {
  sleeper source;
  CAF_REQUIRE(thread.attach(source));
  source.wait_for_turns(1);
  CAF_CHECK(thread_of_actors() == source.thread());
  CAF_CHECK(!thread.is_current());
  thread.detach(source);
}

CAF_TEST(a message wakes a thread that waits for sockets) {
  sleeper source;
  thread.attach(source);
  source.wait_for_turns(1);
  CAF_CHECK_EQUAL(ask(system.spawn(count_down), 3), 0);
  thread.detach(source);
}

CAF_TEST(sockets are served while actors have much to do) {
  sleeper source;
  thread.attach(source);
  source.wait_for_turns(1);
  std::atomic<bool> is_busy = true;
  system.spawn([&is_busy](caf::event_based_actor* self) {
    self->send(self, 1);
    return caf::behavior{[self, &is_busy](int value) {
      if (is_busy)
        self->send(self, value);
    }};
  });
  source.wait_for_turns(source.turns() + 3);
  is_busy = false;
  CAF_CHECK_EQUAL(ask(system.spawn(count_down), 3), 0);
  thread.detach(source);
}

CAF_TEST(after detaching there are no more turns) {
  sleeper source;
  thread.attach(source);
  source.wait_for_turns(1);
  thread.detach(source);
  auto turns = source.turns();
  CAF_CHECK_EQUAL(ask(system.spawn(count_down), 3), 0);
  CAF_CHECK_EQUAL(source.turns(), turns);
}

CAF_TEST(it serves one source and says so) {
  sleeper first;
  sleeper second;
  CAF_CHECK(thread.attach(first));
  CAF_CHECK(!thread.attach(second));
  thread.detach(first);
  CAF_CHECK(thread.attach(second));
  thread.detach(second);
}

CAF_TEST(it stays awake only as long as that is worthwhile) {
  sleeper source;
  std::atomic<int> asked = 0;
  thread.stay_awake_while([&] { return ++asked < 3; });
  thread.attach(source);
  source.wait_for_turns(1);
  CAF_CHECK_EQUAL(ask(system.spawn(count_down), 3), 0);
  thread.stay_awake_while({});
  thread.detach(source);
  CAF_CHECK(std::thread::hardware_concurrency() < 2 || asked > 0);
}

CAF_TEST(delayed messages come) {
  caf::scoped_actor self{system};
  self->delayed_send(self, 1ms, 7);
  int got = 0;
  self->receive([&](int value) { got = value; });
  CAF_CHECK_EQUAL(got, 7);
}

CAF_TEST(another scheduler has no such thread) {
  caf::actor_system_config plain;
  caf::actor_system other{plain};
  CAF_CHECK(event_thread_of(other) == nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
