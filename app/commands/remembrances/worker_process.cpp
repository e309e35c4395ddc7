#include "app/commands/remembrances/worker_process.hpp"

#include "app/commands/command.hpp"
#include "app/commands/line_reader.hpp"
#include "app/commands/stop_watch.hpp"
#include "messages/json_codec.hpp"

#include <iostream>
#include <utility>

#include <unistd.h>

namespace dbproxy {

namespace {

/// The lines between a worker and the process that has started it. One thread.
class parent_link {
public:
  explicit parent_link(std::stop_token stop) { wait_.stop = std::move(stop); }

  bool stopped() const { return wait_.stop.stop_requested(); }

  /// The next line as JSON; nothing at the end.
  std::optional<boost::json::value> next() {
    std::string line;
    if (lines_.next(line, wait_) != line_reader::state::line)
      return {};
    auto parsed = parse_json(line);
    return parsed ? std::optional{std::move(*parsed)} : std::nullopt;
  }

  /// False if nobody reads any more.
  bool say(const worker_line& line) {
    print_line(encode(line));
    return static_cast<bool>(std::cout);
  }

  result<embedding_list> embed(const std::vector<std::string>& texts) {
    auto answer = say({{}, texts, {}}) ? next() : std::nullopt;
    if (!answer)
      return stopped_error();
    auto line = decode<embeddings_line>(*answer);
    if (!line)
      return line.error();
    return std::move(line->embeddings);
  }

private:
  line_reader lines_{STDIN_FILENO};
  pipe_wait wait_;
};

int do_items(parent_link& parent, const work_function& work) {
  while (auto line = parent.next()) {
    auto item = decode<work_item>(*line);
    auto report = item ? work(*item) : result<work_report>{item.error()};
    if (!report && parent.stopped())
      return failed; // somebody else gets this item
    if (!report) {
      parent.say({{}, {}, report.error().message});
      return failed;
    }
    if (!parent.say({std::move(*report), {}, {}}))
      return failed;
  }
  return succeeded;
}

} // namespace

int run_worker(
  const std::string& database,
  const std::function<
    result<work_function>(const boost::json::value&, worker_tools)>& work_for) {
  stop_watch watch;
  parent_link parent{watch.token()};
  auto settings = parent.next();
  if (!settings)
    return failed;
  auto refuse = [&](const write_error& error) {
    parent.say({{}, {}, error.message});
    return failed;
  };
  system_config config;
  caf::actor_system system{config};
  instance_options options;
  options.database = database;
  options.readers = 1;
  auto self = instance::start(system, options);
  if (!self)
    return refuse(self.error());
  auto embed = [&](const std::vector<std::string>& texts) {
    return parent.embed(texts);
  };
  auto work = work_for(*settings, {self->db(), embed, watch.token()});
  if (!work)
    return refuse(work.error());
  return do_items(parent, *work);
}

} // namespace dbproxy
