// dbproxy load: writes from lines, as fast as they are acknowledged.
#include "actors/metrics.hpp"
#include "app/commands/command.hpp"
#include "app/commands/line_source.hpp"
#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include <CLI/CLI.hpp>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <semaphore>

#include <fcntl.h>
#include <unistd.h>

namespace dbproxy {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto progress_interval = 200ms;

struct load_request {
  instance_options options;
  std::string file = "-";
  std::string method;
  std::string ack_file;
  std::string history_file;
  std::size_t in_flight = 1;
  std::int64_t report_ms = 0;
  std::int64_t timeout_ms = 0;
};

/// A line without --method.
struct load_line {
  std::string method;
  std::optional<json::value> params;
  std::optional<std::string> request_id;
};
BOOST_DESCRIBE_STRUCT(load_line, (), (method, params, request_id))

/// What became of the writes.
class tally {
public:
  void succeed(
    const call_result& outcome, const std::string& method,
    std::chrono::nanoseconds duration) {
    ++acked_;
    ++methods_[method];
    if (outcome.route == write_route::forwarded)
      ++forwarded_;
    else
      ++direct_;
    latencies_.record(duration);
  }

  void fail(const write_error& error) {
    ++failed_;
    ++errors_[std::string{to_string(error.code)}];
    unknown_ += error.outcome == write_outcome::unknown ? 1 : 0;
  }

  std::int64_t failures() const { return failed_; }

  json::object to_json(std::int64_t retried) const {
    auto quantiles = latencies_.to_json();
    auto seconds = std::chrono::duration<double>(clock::now() - begun_).count();
    json::object errors;
    for (const auto& [code, count] : errors_)
      errors[code] = count;
    json::object methods;
    for (const auto& [method, count] : methods_)
      methods[method] = count;
    return {
      {"acked", acked_},
      {"direct", direct_},
      {"forwarded", forwarded_},
      {"retried", retried},
      {"failed", failed_},
      {"unknown", unknown_},
      {"errors", std::move(errors)},
      {"methods", std::move(methods)},
      {"seconds", seconds},
      {"p50_ms", quantiles.at("p50_ms")},
      {"p99_ms", quantiles.at("p99_ms")},
      {"p999_ms", quantiles.at("p999_ms")},
      {"max_ms", quantiles.at("max_ms")}};
  }

private:
  clock::time_point begun_ = clock::now();
  std::int64_t acked_ = 0;
  std::int64_t direct_ = 0;
  std::int64_t forwarded_ = 0;
  std::int64_t failed_ = 0;
  std::int64_t unknown_ = 0;
  std::map<std::string, std::int64_t> errors_;
  std::map<std::string, std::int64_t> methods_;
  latency_histogram latencies_;
};

/// Appends lines; each is in the file when `append` returns. Does nothing
/// until it is opened.
class line_log {
public:
  result<void> open(const std::string& path) {
    path_ = path;
    fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return fd_ >= 0 ? result<void>{} : error("open", path);
  }

  bool is_open() const { return fd_ >= 0; }

  result<void> append(std::string line) {
    if (fd_ < 0)
      return {};
    line += '\n';
    auto done = ::write(fd_, line.data(), line.size());
    return done == static_cast<ssize_t>(line.size())
             ? result<void>{}
             : error("append to", path_);
  }

  ~line_log() {
    if (fd_ >= 0)
      ::close(fd_);
  }

private:
  static write_error error(const char* what, const std::string& path) {
    return make_error(
      error_code::internal,
      std::string{"cannot "} + what + " " + path + ": " + std::strerror(errno));
  }

  std::string path_;
  int fd_ = -1;
};

/// A line that waits for its turn.
struct line_text {
  std::string text;
  std::int64_t number = 0;
};

} // namespace

} // namespace dbproxy

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::line_text)

namespace dbproxy {

namespace {

/// Sends writes and counts their answers; an actor, so that lines are read
/// while answers are waited for.
class loader {
public:
  using pointer = caf::stateful_actor<loader>*;

  /// What it shares with the thread that reads the lines.
  struct shared {
    explicit shared(const load_request& wanted, const instance& one)
      : request(wanted),
        self(one),
        permits(static_cast<std::ptrdiff_t>(wanted.in_flight)) {}

    load_request request;
    const instance& self;
    /// One for each write that may be in flight.
    std::counting_semaphore<> permits;
    /// To be read when nothing is in flight.
    tally counts;
    line_log acks;
    line_log history;
    std::atomic<bool> broken{false};
    write_error failure;
  };

  void start(pointer self, std::shared_ptr<shared> state) {
    self_ = self;
    state_ = std::move(state);
  }

  void send(const line_text& line) {
    note(line.number, "asked", [&](json::object& event) {
      event["write"] = line.text;
    });
    auto call = call_of(line.text);
    if (!call)
      return refuse(line.number, call.error());
    auto method = call->method;
    self_->request(state_->self.proxy(), caf::infinite, std::move(*call))
      .then(
        [this, method, number = line.number,
         begun = clock::now()](const call_result& outcome) {
          state_->counts.succeed(outcome, method, clock::now() - begun);
          keep(state_->acks.append(outcome.request_id.value_or("")));
          note(number, "acked", [&](json::object& event) {
            event["route"] = to_string(outcome.route);
          });
          done();
        },
        [this, number = line.number](const caf::error& error) {
          refuse(number, from_caf(error));
        });
  }

private:
  result<named_call> call_of(const std::string& text) const {
    const auto& request = state_->request;
    auto parsed = parse_json(text);
    if (!parsed)
      return parsed.error();
    named_call call;
    if (request.method.empty()) {
      auto line = decode<load_line>(*parsed);
      if (!line)
        return line.error();
      call.method = std::move(line->method);
      call.params = std::move(line->params).value_or(nullptr);
      call.options.request_id = std::move(line->request_id);
    } else {
      call.method = request.method;
      call.params = std::move(*parsed);
    }
    if (request.timeout_ms > 0)
      call.options.timeout = std::chrono::milliseconds{request.timeout_ms};
    return call;
  }

  void keep(const result<void>& written) {
    if (written)
      return;
    state_->failure = written.error();
    state_->broken = true;
  }

  template <class Fill>
  void note(std::int64_t number, std::string_view what, Fill fill) {
    if (!state_->history.is_open())
      return;
    json::object event{
      {"at_ns", clock::now().time_since_epoch().count()},
      {"line", number},
      {"event", what}};
    fill(event);
    keep(state_->history.append(json::serialize(event)));
  }

  void refuse(std::int64_t number, const write_error& error) {
    state_->counts.fail(error);
    note(number, "failed", [&](json::object& event) {
      event["code"] = to_string(error.code);
      event["outcome"] = to_string(error.outcome);
    });
    auto report = error_json(error);
    report["line"] = number;
    std::cerr << json::serialize(report) << '\n';
    done();
  }

  void done() {
    show_progress();
    state_->permits.release();
  }

  void show_progress() {
    auto now = clock::now();
    auto report_ms = state_->request.report_ms;
    auto interval =
      report_ms > 0 ? std::chrono::milliseconds{report_ms} : progress_interval;
    if (now < next_progress_ || (report_ms == 0 && !terminal_))
      return;
    next_progress_ = now + interval;
    auto figures = state_->counts.to_json(state_->self.retries());
    if (report_ms > 0) {
      figures["event"] = "progress";
      print_line(figures);
    } else {
      std::cerr << "\r" << figures.at("acked").as_int64() << " written, "
                << figures.at("failed").as_int64() << " failed, p99 "
                << json::serialize(figures.at("p99_ms")) << " ms   "
                << std::flush;
    }
  }

  pointer self_ = nullptr;
  std::shared_ptr<shared> state_;
  clock::time_point next_progress_{};
  bool terminal_ = isatty(STDERR_FILENO) != 0;
};

caf::behavior
loader_behavior(loader::pointer self, std::shared_ptr<loader::shared> state) {
  self->state.start(self, std::move(state));
  return {[self](const line_text& line) { self->state.send(line); }};
}

/// Reads lines and hands them over, each when it may be in flight.
result<void> run_lines(loader::shared& state, const caf::actor& to) {
  if (!state.request.ack_file.empty())
    if (auto opened = state.acks.open(state.request.ack_file); !opened)
      return opened;
  if (!state.request.history_file.empty())
    if (auto opened = state.history.open(state.request.history_file); !opened)
      return opened;
  auto lines = line_source::open(state.request.file);
  if (!lines)
    return lines.error();
  line_text line;
  while (!state.broken) {
    if (lines->next(line.text) == line_source::state::end)
      break;
    line.number = lines->number();
    if (line.text.empty())
      continue;
    state.permits.acquire();
    caf::anon_send(to, line);
  }
  for (std::size_t i = 0; i < state.request.in_flight; ++i)
    state.permits.acquire();
  if (state.broken)
    return state.failure;
  return {};
}

int load(const load_request& request) {
  system_config config;
  caf::actor_system system{config};
  auto self = instance::start(system, request.options);
  if (!self)
    return print_error(self.error());
  auto state = std::make_shared<loader::shared>(request, *self);
  auto actor = system.spawn(loader_behavior, state);
  auto done = run_lines(*state, actor);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  if (!done)
    return print_error(done.error());
  if (isatty(STDERR_FILENO) != 0)
    std::cerr << '\n';
  print_line(state->counts.to_json(self->retries()));
  return state->counts.failures() == 0 ? succeeded : failed;
}

} // namespace

void add_load(CLI::App& app, program& main) {
  auto* command = app.add_subcommand(
    "load", "Run one write a line: {\"method\", \"params\", \"request_id\"?}");
  auto request = std::make_shared<load_request>();
  request->options.readers = 1;
  add_database(*command, main);
  add_role(*command, request->options.role);
  add_sync(*command, request->options.sync);
  command->add_option("FILE", request->file, "The lines; - for standard input");
  command
    ->add_option(
      "--method", request->method, "A line is the params of this method")
    ->type_name("METHOD");
  command
    ->add_option(
      "--ack-file", request->ack_file,
      "Append the request id of each acknowledged write")
    ->type_name("FILE");
  command
    ->add_option(
      "--history", request->history_file,
      "Append a JSON line when each write is asked for, and when it ends")
    ->type_name("FILE");
  command
    ->add_option("--in-flight", request->in_flight, "Writes at the same time")
    ->check(CLI::Range(std::size_t{1}, limits::instance_writes_max))
    ->type_name("N");
  command
    ->add_option("--timeout", request->timeout_ms, "The deadline of each write")
    ->type_name("MS")
    ->check(
      CLI::Range(std::int64_t{1}, std::int64_t{limits::timeout_max.count()}));
  command
    ->add_option(
      "--report", request->report_ms,
      "Print a progress line on standard output every MS milliseconds")
    ->check(CLI::Range(std::int64_t{1}, std::int64_t{60'000}))
    ->type_name("MS");
  command->callback([&main, request] {
    main.run = [&main, request] {
      request->options.database = main.database;
      return load(*request);
    };
  });
}

} // namespace dbproxy
