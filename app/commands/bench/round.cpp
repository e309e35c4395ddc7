#include "app/commands/bench/round.hpp"

#include "app/commands/bench/row_check.hpp"
#include "app/commands/child_process.hpp"
#include "messages/json_codec.hpp"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// How long all processes may take to start; how much longer than the measured
// time one may take for what it has begun, which is more than any deadline; and
// how long to end after that.
constexpr auto start_wait_max = 60s;
constexpr auto end_wait_max = 90s;
constexpr auto exit_wait_max = 20s;
// How soon it is noticed that a process has ended.
constexpr auto look_interval = 100ms;
// Until the start, so that every process knows of it in time.
constexpr auto start_notice = 50ms;
constexpr auto wal_interval = 10ms;

/// Looks at the size of a file now and then, on a thread of its own.
class size_watch {
public:
  explicit size_watch(std::filesystem::path path) {
    thread_ =
      std::jthread{[this, path = std::move(path)](const std::stop_token& over) {
        while (!over.stop_requested()) {
          std::error_code missing; // it comes with the first write
          auto size = std::filesystem::file_size(path, missing);
          if (!missing)
            most_ = std::max(most_, static_cast<std::int64_t>(size));
          std::this_thread::sleep_for(wal_interval);
        }
      }};
  }

  /// The most that was seen; ends the watch.
  std::int64_t end() {
    thread_ = {};
    return most_;
  }

private:
  std::int64_t most_ = 0;
  std::jthread thread_;
};

class round_run {
public:
  round_run(const round_plan& plan, message_store& store)
    : plan_(plan),
      store_(store) {}

  ~round_run() {
    // All at once: each is then waited for in its turn.
    for (auto& child : children_)
      child.terminate();
  }

  result<round_figures> run() {
    if (auto ready = start_all(); !ready)
      return ready.error();
    std::optional<size_watch> wal;
    if (auto path = store_.wal())
      wal.emplace(*path);
    if (auto begun = begin(); !begun)
      return begun.error();
    if (auto ended = collect(); !ended)
      return ended.error();
    round_figures figures;
    figures.engine = store_.engine();
    if (wal)
      figures.wal_bytes_max = wal->end();
    if (auto ended = end_all(); !ended)
      return ended.error();
    if (auto right = check_rows(store_, reports_); !right)
      return right.error();
    if (auto added = add_up(figures); !added)
      return added.error();
    return figures;
  }

private:
  result<void> start_all() {
    child_options options;
    options.arguments = {"--log-level", plan_.log_level, "bench-process"};
    options.own_group = true;
    for (std::int64_t i = 0; i < plan_.order.processes; ++i) {
      auto child = child_process::start(options);
      if (!child)
        return child.error();
      pids_.push_back(child->pid());
      children_.push_back(std::move(*child));
      auto order = plan_.order;
      store_.tell(order);
      order.process = i;
      if (!children_.back().write_line(encode_text(order), within(0s)))
        return trouble(children_.size() - 1, "did not start");
    }
    auto until = clock::now() + start_wait_max;
    for (std::size_t i = 0; i < children_.size(); ++i)
      if (auto line = next_line(i, until); !line)
        return line.error();
      else if (!line->ready)
        return trouble(i, "said something else than that it is ready");
    return {};
  }

  result<void> begin() {
    auto at = clock::now() + start_notice;
    bench_start start{std::chrono::nanoseconds{at.time_since_epoch()}.count()};
    for (std::size_t i = 0; i < children_.size(); ++i)
      if (!children_[i].write_line(encode_text(start), within(1s)))
        return trouble(i, "did not begin");
    return {};
  }

  result<void> collect() {
    auto length = std::chrono::duration_cast<clock::duration>(
      std::chrono::duration<double>{plan_.order.seconds});
    auto until = clock::now() + length + end_wait_max;
    for (std::size_t i = 0; i < children_.size(); ++i) {
      auto line = next_line(i, until);
      if (!line)
        return line.error();
      if (!line->report)
        return trouble(i, "said something else than its report");
      reports_.push_back(std::move(*line->report));
    }
    return {};
  }

  // Only now, when everything is answered, does anybody go: a primary that left
  // earlier would have the others look for another.
  result<void> end_all() {
    for (auto& child : children_)
      child.close_input();
    auto until = clock::now() + exit_wait_max;
    for (std::size_t i = 0; i < children_.size(); ++i) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::max(until - clock::now(), clock::duration{}));
      if (auto status = children_[i].wait_or_kill(left); status != 0)
        return trouble(
          i,
          "ended with status " + std::to_string(status) + " after its report");
    }
    return {};
  }

  result<void> add_up(round_figures& figures) const {
    std::int64_t sum = 0;
    std::int64_t least = reports_.front().acknowledged;
    std::int64_t most = 0;
    for (const auto& report : reports_) {
      sum += report.acknowledged;
      least = std::min(least, report.acknowledged);
      most = std::max(most, report.acknowledged);
      for (const auto& [code, count] : report.errors)
        figures.errors[code] += count;
      auto latencies = latency_histogram::from(report.latencies);
      if (!latencies)
        return latencies.error();
      figures.latencies.merge(*latencies);
      figures.cpu_s += report.cpu_s;
      figures.rss_bytes_max = std::max(figures.rss_bytes_max, report.rss_bytes);
      figures.backlog += report.backlog;
    }
    figures.writes_per_s = static_cast<double>(sum) / plan_.order.seconds;
    if (most > 0)
      figures.fairness = static_cast<double>(least) / static_cast<double>(most);
    return {};
  }

  /// The next line of one process; meanwhile none of the others may end.
  result<bench_line> next_line(std::size_t index, clock::time_point until) {
    std::string line;
    for (;;) {
      auto look = within(look_interval);
      look.until = std::min(*look.until, until);
      switch (children_[index].read_line(line, look)) {
      case line_reader::state::line:
        return take(index, line);
      case line_reader::state::end:
        return ended(index);
      case line_reader::state::stopped:
        return stopped();
      case line_reader::state::too_long:
        return trouble(index, "said too much");
      case line_reader::state::late:
        break;
      }
      if (clock::now() >= until)
        return trouble(index, "did not answer in time, and was ended");
      for (std::size_t other = 0; other < children_.size(); ++other)
        if (!children_[other].running())
          return ended(other);
    }
  }

  result<bench_line> take(std::size_t index, const std::string& line) const {
    auto parsed = parse_json(line);
    auto said =
      parsed ? decode<bench_line>(*parsed) : result<bench_line>{parsed.error()};
    if (!said)
      return trouble(index, "said what is no answer: " + said.error().message);
    if (said->error)
      return trouble(index, "failed: " + *said->error);
    return said;
  }

  /// The trouble of a process that is gone, by its last words if it had any.
  write_error ended(std::size_t index) {
    std::string line;
    while (children_[index].read_line(line, within(0s))
           == line_reader::state::line)
      if (auto said = take(index, line); !said)
        return said.error();
    return trouble(
      index, "ended with status "
               + std::to_string(children_[index].wait_or_kill(exit_wait_max))
               + " before its time");
  }

  pipe_wait within(clock::duration time) const {
    pipe_wait wait;
    wait.until = clock::now() + time;
    wait.stop = plan_.stop;
    return wait;
  }

  write_error trouble(std::size_t index, const std::string& what) const {
    if (plan_.stop.stop_requested())
      return stopped();
    return make_error(
      error_code::internal, "process " + std::to_string(index) + " of "
                              + std::to_string(plan_.order.processes) + " ("
                              + plan_.order.strategy + ", pid "
                              + std::to_string(pids_[index]) + ") " + what);
  }

  static write_error stopped() {
    return make_error(error_code::unavailable, "stopped by a signal");
  }

  const round_plan& plan_;
  message_store& store_;
  std::vector<child_process> children_;
  std::vector<pid_t> pids_; // also of those that have ended
  std::vector<bench_report> reports_;
};

} // namespace

result<round_figures> run_round(const round_plan& plan, message_store& store) {
  auto figures = round_run{plan, store}.run();
  if (figures)
    return figures;
  auto error = figures.error();
  error.method = "bench";
  return error;
}

} // namespace dbproxy
