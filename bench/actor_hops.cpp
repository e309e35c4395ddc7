// What it costs to hand something from thread to thread and back: the unit in
// which the way of a write is paid.
#include "actors/event_scheduler.hpp"

#include <benchmark/benchmark.h>
#include <caf/all.hpp>

namespace {

class one_thread_config : public caf::actor_system_config {
public:
  one_thread_config() { load<dbproxy::event_scheduler>(); }
};

class shared_queue_config : public caf::actor_system_config {
public:
  shared_queue_config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
  }
};

caf::behavior answer() {
  return {[](int value) { return value; }};
}

/// Passes on what it is asked, to an actor that answers.
caf::behavior pass_on(caf::event_based_actor* self, caf::actor next) {
  return {[=](int value) {
    auto promise = self->make_response_promise<int>();
    self->request(next, caf::infinite, value)
      .then(
        [promise](int answered) mutable { promise.deliver(answered); },
        [promise](caf::error& error) mutable {
          promise.deliver(std::move(error));
        });
    return promise;
  }};
}

void ask(benchmark::State& state, caf::actor_system& system, caf::actor whom) {
  caf::scoped_actor self{system};
  for (auto _ : state)
    self->request(whom, caf::infinite, 1)
      .receive(
        [](int value) { benchmark::DoNotOptimize(value); },
        [&](const caf::error&) { state.SkipWithError("no answer"); });
  self->send_exit(whom, caf::exit_reason::user_shutdown);
}

/// A caller's thread, and two actors behind each other.
template <class Config>
void two_actors(benchmark::State& state) {
  Config config;
  caf::actor_system system{config};
  auto last = system.spawn(answer);
  ask(state, system, system.spawn(pass_on, last));
  caf::anon_send_exit(last, caf::exit_reason::user_shutdown);
}
BENCHMARK_TEMPLATE(two_actors, one_thread_config)->UseRealTime();
BENCHMARK_TEMPLATE(two_actors, shared_queue_config)->UseRealTime();

/// The second one has a thread of its own, as the writer has.
template <class Config>
void actor_and_detached(benchmark::State& state) {
  Config config;
  caf::actor_system system{config};
  auto last = system.spawn<caf::detached>(answer);
  ask(state, system, system.spawn(pass_on, last));
  caf::anon_send_exit(last, caf::exit_reason::user_shutdown);
}
BENCHMARK_TEMPLATE(actor_and_detached, one_thread_config)->UseRealTime();
BENCHMARK_TEMPLATE(actor_and_detached, shared_queue_config)->UseRealTime();

} // namespace
