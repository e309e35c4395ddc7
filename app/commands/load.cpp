// dbproxy load: writes from lines, as fast as they are acknowledged.
#include "actors/metrics.hpp"
#include "app/commands/command.hpp"
#include "app/commands/line_source.hpp"
#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

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
  std::size_t in_flight = 1;
  std::int64_t report_ms = 0;
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
  void succeed(const call_result& outcome, const std::string& method,
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
    auto seconds
      = std::chrono::duration<double>(clock::now() - begun_).count();
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

/// Appends request ids; each is in the file when `append` returns.
class ack_file {
public:
  result<void> open(const std::string& path) {
    fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return fd_ >= 0 ? result<void>{} : error("open", path);
  }

  result<void> append(const std::string& request_id) {
    if (fd_ < 0)
      return {};
    auto line = request_id + "\n";
    auto done = ::write(fd_, line.data(), line.size());
    return done == static_cast<ssize_t>(line.size())
             ? result<void>{}
             : error("append to", "the ack file");
  }

  ~ack_file() {
    if (fd_ >= 0)
      ::close(fd_);
  }

private:
  static write_error error(const char* what, const std::string& path) {
    return make_error(
      error_code::internal,
      std::string{"cannot "} + what + " " + path + ": "
        + std::strerror(errno));
  }

  int fd_ = -1;
};

/// Keeps up to N writes in flight and takes their answers in order.
class loader {
public:
  loader(caf::actor_system& system, const instance& self, load_request request)
    : sender_(system), instance_(self), request_(std::move(request)) {}

  result<void> run() {
    if (!request_.ack_file.empty())
      if (auto opened = acks_.open(request_.ack_file); !opened)
        return opened;
    auto lines = line_source::open(request_.file);
    if (!lines)
      return lines.error();
    std::string line;
    for (;;) {
      auto full = open_.size() >= request_.in_flight;
      if (full) {
        if (auto taken = take_answer(); !taken)
          return taken;
        continue;
      }
      auto state = lines->next(line, open_.empty());
      if (state == line_source::state::end)
        break;
      if (state == line_source::state::not_ready) {
        if (auto taken = take_answer(); !taken)
          return taken;
      } else if (state == line_source::state::too_long) {
        refuse(
          lines->number(),
          make_error(
            error_code::invalid_params,
            "the line is longer than message_bytes_max = "
              + std::to_string(limits::message_bytes_max)));
      } else if (!line.empty()) {
        send(line, lines->number());
      }
    }
    while (!open_.empty())
      if (auto taken = take_answer(); !taken)
        return taken;
    return {};
  }

  json::object summary() const {
    return tally_.to_json(instance_.retries());
  }

  std::int64_t failures() const { return tally_.failures(); }

private:
  using answer = decltype(std::declval<caf::scoped_actor&>()->request(
    std::declval<const proxy_actor&>(), caf::infinite,
    std::declval<named_call>()));

  struct sent_write {
    answer pending;
    std::string method;
    std::int64_t line;
    clock::time_point begun;
  };

  void send(const std::string& text, std::int64_t number) {
    auto parsed = parse_json(text);
    if (!parsed)
      return refuse(number, parsed.error());
    named_call call;
    if (request_.method.empty()) {
      auto line = decode<load_line>(*parsed);
      if (!line)
        return refuse(number, line.error());
      call.method = std::move(line->method);
      call.params = std::move(line->params).value_or(nullptr);
      call.options.request_id = std::move(line->request_id);
    } else {
      call.method = request_.method;
      call.params = std::move(*parsed);
    }
    auto method = call.method;
    auto begun = clock::now();
    open_.push_back(
      {sender_->request(instance_.proxy(), caf::infinite, std::move(call)),
       std::move(method), number, begun});
  }

  result<void> take_answer() {
    auto next = std::move(open_.front());
    open_.pop_front();
    result<void> out;
    next.pending.receive(
      [&](const call_result& outcome) {
        tally_.succeed(outcome, next.method, clock::now() - next.begun);
        out = acks_.append(outcome.request_id.value_or(""));
      },
      [&](const caf::error& error) { refuse(next.line, from_caf(error)); });
    show_progress();
    return out;
  }

  void refuse(std::int64_t number, const write_error& error) {
    tally_.fail(error);
    auto report = error_json(error);
    report["line"] = number;
    std::cerr << json::serialize(report) << '\n';
  }

  void show_progress() {
    auto now = clock::now();
    auto interval = request_.report_ms > 0
                      ? std::chrono::milliseconds{request_.report_ms}
                      : progress_interval;
    if (now < next_progress_)
      return;
    next_progress_ = now + interval;
    if (request_.report_ms > 0) {
      auto line = summary();
      line["event"] = "progress";
      print_line(line);
    } else if (terminal_) {
      auto figures = summary();
      std::cerr << "\r" << figures.at("acked").as_int64() << " written, "
                << figures.at("failed").as_int64() << " failed, p99 "
                << json::serialize(figures.at("p99_ms")) << " ms   "
                << std::flush;
    }
  }

  caf::scoped_actor sender_;
  const instance& instance_;
  load_request request_;
  ack_file acks_;
  std::deque<sent_write> open_;
  tally tally_;
  clock::time_point next_progress_{};
  bool terminal_ = isatty(STDERR_FILENO) != 0;
};

int load(const load_request& request) {
  system_config config;
  caf::actor_system system{config};
  auto self = instance::start(system, request.options);
  if (!self)
    return print_error(self.error());
  loader work{system, *self, request};
  if (auto done = work.run(); !done)
    return print_error(done.error());
  if (isatty(STDERR_FILENO) != 0)
    std::cerr << '\n';
  print_line(work.summary());
  return work.failures() == 0 ? succeeded : failed;
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
    ->add_option("--in-flight", request->in_flight, "Writes at the same time")
    ->check(CLI::Range(std::size_t{1}, limits::instance_writes_max))
    ->type_name("N");
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
