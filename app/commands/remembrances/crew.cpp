#include "app/commands/remembrances/crew.hpp"

#include "actors/log.hpp"
#include "app/commands/child_process.hpp"
#include "app/commands/remembrances/worker_process.hpp"
#include "messages/json_codec.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace dbproxy {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;

// How long a worker may go on with its item after a stop, and take to end.
constexpr auto stop_grace = 10s;

result<void> run_here(const crew_plan& plan) {
  for (const auto& item : plan.items) {
    if (plan.stop.stop_requested())
      return stopped_error();
    auto report = plan.here(item);
    if (!report)
      return report.error();
    plan.on_report(*report);
  }
  return {};
}

/// One thread a process: it gives it an item, answers what it asks, and takes
/// its report. A process has one item at a time.
class crew {
public:
  explicit crew(const crew_plan& plan)
    : plan_(plan),
      queue_(plan.items.begin(), plan.items.end()) {}

  result<void> run() {
    {
      std::vector<std::jthread> threads;
      auto count = std::min(plan_.jobs, plan_.items.size());
      for (std::size_t i = 0; i < count; ++i)
        threads.emplace_back([this] { attend(); });
    }
    if (failure_)
      return *failure_;
    if (queue_.empty())
      return {};
    if (plan_.stop.stop_requested())
      return stopped_error();
    return make_error(
      error_code::internal, "all worker processes ended before their time");
  }

private:
  /// A report, or nothing if the process has died.
  using answer = result<std::optional<work_report>>;

  void attend() {
    auto child = child_process::start(plan_.worker_arguments);
    if (!child)
      return fail(child.error());
    auto there = child->write_line(json::serialize(plan_.settings), waiting());
    while (there) {
      auto item = take();
      if (!item)
        break;
      auto report = exchange(*child, *item);
      there = report && *report;
      if (!there)
        give_back(std::move(*item));
      if (!report)
        fail(report.error());
      else if (*report)
        deliver(**report);
      else
        log().warn("a worker process (pid {}) died", child->pid());
    }
    child->close_input();
    child->wait_or_kill(stop_grace);
  }

  pipe_wait waiting() const {
    pipe_wait wait;
    wait.stop = plan_.stop;
    return wait;
  }

  /// The next line of a worker. Once a stop is requested the worker still may
  /// finish what it has in hand.
  line_reader::state next_line(child_process& child, std::string& line) {
    auto got = child.read_line(line, waiting());
    if (got != line_reader::state::stopped)
      return got;
    pipe_wait last;
    last.until = std::chrono::steady_clock::now() + stop_grace;
    return child.read_line(line, last);
  }

  answer exchange(child_process& child, const work_item& item) {
    if (!child.write_line(encode_text(item), waiting()))
      return gone();
    std::string line;
    for (;;) {
      auto got = next_line(child, line);
      if (got == line_reader::state::end)
        return gone();
      if (got == line_reader::state::late)
        return stopped_error();
      auto parsed = parse_json(line);
      auto said = parsed ? decode<worker_line>(*parsed)
                         : result<worker_line>{parsed.error()};
      if (got == line_reader::state::too_long || !said)
        return make_error(
          error_code::internal, "a worker process said something else");
      if (said->error)
        return make_error(error_code::internal, *said->error);
      if (said->report)
        return std::optional{std::move(*said->report)};
      if (auto told = answer_texts(child, *said); !told)
        return told.error();
    }
  }

  result<void> answer_texts(child_process& child, const worker_line& said) {
    if (!said.embed || !plan_.embed)
      return make_error(error_code::internal, "a worker process said nothing");
    auto vectors = plan_.embed(*said.embed);
    if (!vectors)
      return vectors.error();
    // Whether it was read shows in what comes next.
    child.write_line(
      encode_text(embeddings_line{std::move(*vectors)}), waiting());
    return {};
  }

  static answer gone() { return std::optional<work_report>{}; }

  /// The next item; waits for one that may be given back. Nothing when all is
  /// done, or nothing more is to be done.
  std::optional<work_item> take() {
    std::unique_lock guard{mutex_};
    changed_.wait(
      guard, [&] { return over() || !queue_.empty() || in_hand_ == 0; });
    if (over() || queue_.empty())
      return {};
    auto item = std::move(queue_.front());
    queue_.pop_front();
    ++in_hand_;
    return item;
  }

  bool over() const { return failure_ || plan_.stop.stop_requested(); }

  void give_back(work_item item) {
    std::lock_guard guard{mutex_};
    queue_.push_front(std::move(item));
    --in_hand_;
    changed_.notify_all();
  }

  void deliver(const work_report& report) {
    std::lock_guard guard{mutex_};
    plan_.on_report(report);
    --in_hand_;
    changed_.notify_all();
  }

  void fail(write_error error) {
    std::lock_guard guard{mutex_};
    if (!failure_)
      failure_ = std::move(error);
    changed_.notify_all();
  }

  const crew_plan& plan_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<work_item> queue_;
  std::size_t in_hand_ = 0;
  std::optional<write_error> failure_;
};

} // namespace

result<void> run_crew(const crew_plan& plan) {
  if (plan.items.empty())
    return {};
  if (plan.jobs == 1)
    return run_here(plan);
  return crew{plan}.run();
}

} // namespace dbproxy
