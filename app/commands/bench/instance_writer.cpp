// forward and proxy: an instance in each process, and an actor that keeps its
// writes in flight.
#include "app/commands/bench/bench_writer.hpp"
#include "app/commands/bench/embedded_instance.hpp"

#include <future>
#include <utility>

namespace dbproxy {

namespace {

using clock = std::chrono::steady_clock;

/// Runs one series, as an actor of a host application would: typed messages to
/// the proxy. It alone uses the series until it is over.
class pipeline {
public:
  using pointer = caf::stateful_actor<pipeline>*;

  void start(
    pointer self, proxy_actor to, write_series* series, std::size_t in_flight,
    std::promise<void>* over) {
    self_ = self;
    to_ = std::move(to);
    series_ = series;
    in_flight_max_ = in_flight;
    over_ = over;
  }

  void tick() {
    ticking_ = false;
    pump();
  }

  void pump() {
    while (in_flight_ < in_flight_max_) {
      auto due = series_->due();
      if (!due)
        return in_flight_ == 0 ? finish() : void();
      if (auto early = *due - clock::now(); early > clock::duration::zero())
        return wait(early);
      send(series_->begin(*due));
    }
  }

private:
  void wait(clock::duration time) {
    if (std::exchange(ticking_, true))
      return;
    self_->delayed_send(self_, time, caf::tick_atom::value);
  }

  void send(begun_write write) {
    ++in_flight_;
    auto params = std::move(write.params);
    self_->request(to_, caf::infinite, std::move(params))
      .then(
        [this, write](const message&) { end(write, {}); },
        [this, write](const caf::error& error) {
          end(write, from_caf(error));
        });
  }

  void end(const begun_write& write, const result<void>& outcome) {
    series_->end(write, outcome);
    --in_flight_;
    pump();
  }

  void finish() {
    self_->quit();
    over_->set_value();
  }

  pointer self_ = nullptr;
  proxy_actor to_;
  write_series* series_ = nullptr;
  std::size_t in_flight_max_ = 1;
  std::size_t in_flight_ = 0;
  bool ticking_ = false;
  std::promise<void>* over_ = nullptr;
};

caf::behavior pipeline_behavior(
  pipeline::pointer self, proxy_actor to, write_series* series,
  std::size_t in_flight, std::promise<void>* over) {
  self->state.start(self, std::move(to), series, in_flight, over);
  return {[self](caf::tick_atom) { self->state.tick(); }};
}

class instance_writer : public bench_writer {
public:
  instance_writer(
    std::unique_ptr<embedded_instance> embedded, std::size_t in_flight)
    : embedded_(std::move(embedded)),
      in_flight_(in_flight) {}

  void run(write_series& series) override {
    std::promise<void> over;
    auto actor = embedded_->system().spawn(
      pipeline_behavior, embedded_->get().proxy(), &series, in_flight_, &over);
    caf::anon_send(actor, caf::tick_atom::value);
    over.get_future().wait();
  }

private:
  std::unique_ptr<embedded_instance> embedded_;
  std::size_t in_flight_;
};

} // namespace

bench_writer_result
open_instance_writer(const bench_order& order, strategy how) {
  auto embedded = embedded_instance::start(
    order, how == strategy::forward ? write_routing::forwarded
                                    : write_routing::automatic);
  if (!embedded)
    return embedded.error();
  return std::make_unique<instance_writer>(
    std::move(*embedded), static_cast<std::size_t>(order.in_flight));
}

} // namespace dbproxy
