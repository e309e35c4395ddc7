// dbproxy watch: prints events as they come, and says where some are missing.
#include "app/commands/command.hpp"

#include "messages/catalogue.hpp"
#include "messages/events.hpp"
#include "messages/json_codec.hpp"
#include "messages/limits.hpp"
#include "transport/instance_directory.hpp"
#include "transport/leader_lock.hpp"
#include "transport/rpc_client.hpp"
#include "transport/subscriber.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

// How long one wait for an event or a primary lasts; between two of them a
// signal and a change of primary are noticed.
constexpr auto slice = 100ms;

/// Follows one primary after the other.
class watcher {
public:
  watcher(instance_directory directory, std::string prefix)
    : directory_(std::move(directory)),
      prefix_(std::move(prefix)) {}

  /// One step: an event, a change of primary, or nothing for a while.
  result<void> step(stop_signals& signals) {
    if (!events_)
      return subscribe(signals);
    auto frames = events_->receive(slice);
    if (!frames)
      return frames.error();
    if (*frames)
      show((*frames)->topic, (*frames)->payload);
    else if (auto now = find_primary(directory_); now && *now != primary_)
      events_.reset();
    return {};
  }

private:
  result<void> subscribe(stop_signals& signals) {
    auto found = find_primary(directory_);
    if (!found)
      return found.error();
    primary_ = *found;
    if (!primary_) {
      signals.wait(slice);
      return {};
    }
    auto connected = subscriber::connect(primary_->pub_addr);
    if (!connected)
      return connected.error();
    events_.emplace(std::move(*connected));
    next_ = 0;
    return {};
  }

  void show(const std::string& topic, const std::string& text) {
    auto parsed = parse_json(text);
    auto envelope = parsed ? decode<event_envelope>(*parsed)
                           : result<event_envelope>{parsed.error()};
    if (!envelope) {
      print_line(boost::json::object{
        {"warning", "an event that cannot be read"}, {"topic", topic}});
      return;
    }
    if (next_ != 0 && envelope->seq != next_)
      print_line(boost::json::object{
        {"warning", "events are missing"},
        {"epoch", envelope->epoch},
        {"from_seq", next_},
        {"to_seq", envelope->seq - 1}});
    next_ = envelope->seq + 1;
    if (topic.starts_with(prefix_))
      print_line(*parsed);
  }

  instance_directory directory_;
  std::string prefix_;
  std::optional<primary_record> primary_;
  std::optional<subscriber> events_;
  std::int64_t next_ = 0; ///< the sequence number expected; 0 for any
};

/// What the primary announces, as far as it can be asked, else the catalogue.
std::vector<std::string> known_topics(const instance_directory& directory) {
  std::vector<std::string> out{
    topics::of_instance.begin(), topics::of_instance.end()};
  for_each_method([&](auto id) {
    using M = typename decltype(id)::type;
    out.emplace_back(M::spec.topic);
  });
  auto primary = find_primary(directory);
  if (!primary || !*primary)
    return out;
  auto client = rpc_client::connect((*primary)->rpc_addr);
  if (!client)
    return out;
  auto document = client->call("rpc.discover", nullptr, limits::probe_timeout);
  if (!document)
    return out;
  for (const auto& one : document->at("x-methods").as_array())
    if (const auto* topic = one.as_object().if_contains("topic"))
      out.emplace_back(topic->as_string());
  return out;
}

int watch(const std::string& database, const std::string& prefix) {
  stop_signals signals;
  auto path = canonical_database_path(database);
  if (!path)
    return print_error(path.error());
  auto directory = instance_directory::open(*path);
  if (!directory)
    return print_error(directory.error());
  auto known = known_topics(*directory);
  auto fits = [&](const std::string& topic) {
    return topic.starts_with(prefix);
  };
  if (std::none_of(known.begin(), known.end(), fits))
    return print_error(make_error(
      error_code::invalid_params, "no topic begins with \"" + prefix + "\""));
  watcher events{std::move(*directory), prefix};
  while (!signals.wait(0ms))
    if (auto done = events.step(signals); !done)
      return print_error(done.error());
  return succeeded;
}

} // namespace

void add_watch(CLI::App& app, program& main) {
  auto* command = app.add_subcommand(
    "watch", "Print events, one JSON line each, until SIGINT or SIGTERM");
  auto prefix = std::make_shared<std::string>();
  add_database(*command, main);
  command->add_option("--topic", *prefix, "Only topics that begin with this")
    ->type_name("PREFIX");
  command->callback([&main, prefix] {
    main.run = [&main, prefix] { return watch(main.database, *prefix); };
  });
}

} // namespace dbproxy
