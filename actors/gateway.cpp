#include "actors/gateway.hpp"

#include "actors/errors.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/open_rpc.hpp"
#include "messages/fault_point.hpp"
#include "messages/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <limits>
#include <utility>

namespace dbproxy {

namespace json = boost::json;

namespace {

using clock = std::chrono::steady_clock;

// Texts longer than this are parsed beside the gateway.
constexpr std::size_t beside_bytes_min = 64U << 10U;

/// The params of the method that `request` is about, taken out of it: they may
/// be large, and whatever keeps the request needs them no more.
json::value take_params(rpc_request& request) {
  if (auto* object = request.params.if_object())
    if (auto* inner = object->if_contains("params"))
      return std::exchange(*inner, nullptr);
  return nullptr;
}

write_error in_method(write_error error, const std::string& method) {
  error.method = method;
  return error;
}

} // namespace

void gateway_state::start(pointer self, gateway_parts parts) {
  self_ = self;
  parts_ = std::move(parts);
}

// -- texts in ----------------------------------------------------------------

void gateway_state::receive(requests_received& requests) {
  fault_point("gateway.request");
  for (auto& message : requests.messages)
    receive_one(message);
}

void gateway_state::receive_one(peer_message& message) {
  auto origin = std::make_shared<exchange>();
  origin->way = lane_of(message.peer);
  origin->reply.peer = message.peer;
  origin->reply.delimiter = message.delimiter;
  if (message.malformed)
    return answer(
      *origin, fault_text(make_fault(
                 rpc_fault_kind::invalid_request,
                 "a message is one frame, or an empty frame and one more")));
  if (message.payload.size() > beside_bytes_min)
    return parse_beside(origin, std::move(message.payload));
  origin->way->texts.run([this, origin, text = std::move(message.payload)] {
    auto parsed = parse_message(text);
    open_exchange(origin, parsed);
  });
}

void gateway_state::parse_beside(const exchange_ptr& origin, std::string text) {
  auto bytes = text.size();
  auto refuse = [&](const std::string& bound) {
    answer(
      *origin, error_text(
                 nullptr, make_error(
                            error_code::busy,
                            bound + " of large texts are not parsed")));
  };
  if (origin->way->texts.size() >= limits::peer_in_flight_max)
    return refuse(
      "peer_in_flight_max = " + std::to_string(limits::peer_in_flight_max));
  if (parsing_bytes_ + bytes > limits::parsing_bytes_max)
    return refuse(
      "parsing_bytes_max = " + std::to_string(limits::parsing_bytes_max)
      + " bytes");
  parsing_bytes_ += bytes;
  auto turn = origin->way->texts.begin();
  auto go = [this, origin, bytes, turn](std::function<void()> then) {
    parsing_bytes_ -= bytes;
    origin->way->texts.ready(turn, std::move(then));
  };
  self_
    ->request(
      parts_.colleagues->get<request_parser_actor>(), caf::infinite,
      parse_command{std::make_shared<const std::string>(std::move(text))})
    .then(
      [this, origin, go](const rpc_message_ptr& parsed) {
        go([this, origin, parsed] { open_exchange(origin, *parsed); });
      },
      [this, origin, go](const caf::error& reason) {
        go([this, origin, error = from_caf(reason)] {
          answer(*origin, error_text(nullptr, error));
        });
      });
}

void gateway_state::open_exchange(
  const exchange_ptr& origin, rpc_message& parsed) {
  origin->batch = parsed.batch;
  origin->open = parsed.calls.size();
  exchanges_.insert(origin);
  for (auto& one : parsed.calls) {
    ++origin->way->in_flight;
    if (auto* fault = std::get_if<rpc_fault>(&one))
      close(origin, fault_text(*fault));
    else
      handle(std::make_shared<call>(
        call{origin, std::move(std::get<rpc_request>(one))}));
  }
}

gateway_state::lane_ptr gateway_state::lane_of(const std::string& sender) {
  auto& known = (*lanes_)[sender];
  if (auto alive = known.lock())
    return alive;
  auto forget = [lanes = std::weak_ptr{lanes_}, sender](lane* ended) {
    delete ended;
    if (auto all = lanes.lock())
      all->erase(sender);
  };
  lane_ptr made{new lane, std::move(forget)};
  known = made;
  return made;
}

const std::map<std::string_view, gateway_state::handler>&
gateway_state::handlers() {
  static const std::map<std::string_view, handler> table{
    {"db.write", &gateway_state::write},
    {"db.read", &gateway_state::read},
    {"instance.ping", &gateway_state::ping},
    {"instance.info", &gateway_state::info},
    {"instance.metrics", &gateway_state::metrics_of},
    {"rpc.discover", &gateway_state::discover},
    {"instance.committed", &gateway_state::committed},
    {"instance.joined", &gateway_state::joined}};
  return table;
}

void gateway_state::handle(const call_ptr& item) {
  if (item->request.id)
    item->origin->unanswered.push_back(*item->request.id);
  if (item->origin->way->in_flight > limits::peer_in_flight_max) {
    fail(
      *item,
      make_error(
        error_code::busy,
        "peer_in_flight_max = " + std::to_string(limits::peer_in_flight_max)
          + " requests of this peer are not answered yet",
        item->request.method));
    return;
  }
  auto found = handlers().find(item->request.method);
  if (found != handlers().end())
    (this->*found->second)(item);
  else if (auto target = parts_.registry->find_rpc(item->request.method))
    host_method(item, target);
  else
    respond(
      *item, fault_text(make_fault(
               rpc_fault_kind::method_not_found,
               "there is no RPC method \"" + item->request.method + "\"",
               item->request.id.value_or(nullptr))));
}

// -- reads and writes --------------------------------------------------------

void gateway_state::write(const call_ptr& item) {
  auto params = take_params(item->request);
  auto request = decode<write_request>(item->request.params);
  if (!request)
    return fail_params(*item, request.error().message);
  auto meta = std::move(request->meta).value_or(write_meta{});
  if (auto valid = validate_meta(meta); !valid)
    return fail_params(*item, valid.error().message);
  write_ids ids;
  ids.source_instance_id = meta.source_instance_id.value_or("");
  ids.request_id = std::move(meta.request_id);
  ids.settled_request_id = std::move(meta.settled_request_id);
  auto begun = clock::now();
  auto turn = item->origin->way->writes.begin();
  auto in_turn = [this, item, turn](std::function<void()> go) {
    item->origin->way->writes.ready(turn, std::move(go));
  };
  auto patience = meta.timeout_ms ? std::chrono::milliseconds{*meta.timeout_ms}
                                  : parts_.timeouts.extended;
  prepare_write(
    self_, *parts_.registry, request->method, std::move(params), std::move(ids),
    patience,
    [this, item, begun, in_turn, asked = meta.timeout_ms,
     until = meta.deadline_ms,
     method = request->method](result<write_ptr> prepared) {
      if (!prepared) {
        parts_.figures->record_error(prepared.error().code);
        fail(*item, in_method(prepared.error(), method));
        return in_turn({});
      }
      auto fallback = (*prepared)->timeout == timeout_class::extended
                        ? parts_.timeouts.extended
                        : parts_.timeouts.standard;
      auto timeout = asked ? std::chrono::milliseconds{*asked} : fallback;
      auto deadline = begun + timeout;
      if (until)
        deadline =
          std::min(deadline, time_point{std::chrono::milliseconds{*until}});
      parts_.figures->record_stage(write_stage::prepared, clock::now() - begun);
      in_turn([=, this, write = std::move(*prepared)] {
        submit(item, write, deadline);
      });
    });
}

void gateway_state::submit(
  const call_ptr& item, write_ptr prepared, time_point deadline) {
  auto begun = clock::now();
  self_
    ->request(
      parts_.colleagues->get<coordinator_actor>(), caf::infinite,
      submission{prepared, deadline})
    .then(
      [this, item, prepared, begun](const written& outcome) {
        finish_write(item, prepared, begun, outcome);
      },
      [this, item, prepared, begun](const caf::error& reason) {
        auto error = from_caf(reason);
        // A coordinator that failed is replaced in a moment.
        if (reason.category() != error_category)
          error.code = error_code::unavailable;
        finish_write(item, prepared, begun, std::move(error));
      });
}

void gateway_state::finish_write(
  const call_ptr& item, const write_ptr& prepared, time_point begun,
  const result<written>& outcome) {
  parts_.figures->record(
    to_string(write_route::forwarded), prepared->method, clock::now() - begun,
    outcome.has_value());
  if (outcome) {
    succeed(*item, json_text{prepared->returns->encode_text(outcome->value)});
    parts_.figures->record_stage(
      write_stage::replying, clock::now() - outcome->done_at);
    return;
  }
  parts_.figures->record_error(outcome.error().code);
  fail(*item, in_method(outcome.error(), prepared->method));
}

void gateway_state::read(const call_ptr& item) {
  auto inner = take_params(item->request);
  auto request = decode<read_request>(item->request.params);
  if (!request)
    return fail_params(*item, request.error().message);
  auto entry =
    parts_.registry->methods().find(request->method, method_kind::read);
  if (!entry)
    return fail(*item, entry.error());
  auto params = (*entry)->params->decode(inner);
  if (!params)
    return fail(*item, in_method(params.error(), request->method));
  auto begun = clock::now();
  run_read(
    self_, parts_.readers, *entry, std::move(*params), parts_.timeouts.standard,
    [this, item, begun, entry = *entry](const result<boxed>& outcome) {
      parts_.figures->record(
        "read", entry->name, clock::now() - begun, outcome.has_value());
      if (outcome)
        succeed(*item, json_text{entry->returns->encode_text(*outcome)});
      else
        fail(*item, outcome.error());
    });
}

void gateway_state::host_method(
  const call_ptr& item, const rpc_method_actor& target) {
  self_
    ->request(
      target, parts_.timeouts.standard,
      host_call{
        item->request.method, std::exchange(item->request.params, nullptr)})
    .then(
      [this, item](const host_value& outcome) {
        succeed(*item, outcome.value);
      },
      [this, item](const caf::error& reason) {
        fail(*item, in_method(from_caf(reason), item->request.method));
      });
}

// -- about the instance ------------------------------------------------------

void gateway_state::ping(const call_ptr& item) {
  const auto& record = parts_.identity.record;
  auto uptime = std::chrono::duration_cast<std::chrono::milliseconds>(
    clock::now() - parts_.identity.started);
  succeed(
    *item, json::object{
             {"status", "ok"},
             {"instance_id", record.instance_id},
             {"role", "primary"},
             {"epoch", record.epoch},
             {"uptime_ms", uptime.count()}});
}

void gateway_state::info(const call_ptr& item) {
  auto fail_with = [this, item](const caf::error& reason) {
    fail(*item, in_method(from_caf(reason), "instance.info"));
  };
  self_
    ->request(
      parts_.colleagues->get<coordinator_actor>(), caf::infinite,
      figures_query{})
    .then(
      [this, item, fail_with](const coordinator_figures& queue) {
        self_
          ->request(
            parts_.readers->get(0), parts_.timeouts.standard, storage_query{})
          .then(
            [this, item, queue](const storage_status& files) {
              succeed(*item, describe(queue, files));
            },
            fail_with);
      },
      fail_with);
}

json::object gateway_state::describe(
  const coordinator_figures& queue, const storage_status& files) {
  const auto& record = parts_.identity.record;
  auto uptime = std::chrono::duration_cast<std::chrono::milliseconds>(
    clock::now() - parts_.identity.started);
  const auto& figures = *parts_.figures;
  return {
    {"role", "primary"},
    {"instance_id", record.instance_id},
    {"pid", record.pid},
    {"epoch", record.epoch},
    {"version", record.version},
    {"database", parts_.identity.database},
    {"rpc_addr", record.rpc_addr},
    {"pub_addr", record.pub_addr},
    {"started_at", record.started_at},
    {"uptime_ms", uptime.count()},
    {"peers", describe_peers()},
    {"queue_depth", queue.queued + queue.executing},
    {"batches", queue.batches},
    {"replayed", queue.replayed},
    {"restarts", figures.restarts()},
    {"routes",
     json::object{
       {"local", figures.succeeded("local")},
       {"direct", figures.succeeded("direct")},
       {"forwarded", figures.succeeded("forwarded")},
       {"read", figures.succeeded("read")}}},
    {"journal_entries", files.journal_entries},
    {"wal_bytes", files.wal_bytes},
    {"checkpoint_blocked_by",
     queue.checkpoint_blocked ? encode(files.readers) : json::array{}},
    {"database_bytes", files.database_bytes},
    {"schema_version", files.schema_version},
    {"sqlite_version", files.sqlite_version},
    {"sqlite_has_wal_reset_fix", files.has_wal_reset_fix}};
}

json::array gateway_state::describe_peers() {
  std::erase_if(peers_, [](const auto& one) {
    return kill(static_cast<pid_t>(one.second.pid), 0) != 0 && errno == ESRCH;
  });
  json::array list;
  for (const auto& [id, one] : peers_)
    list.push_back(
      json::object{{"instance_id", one.instance_id}, {"pid", one.pid}});
  return list;
}

void gateway_state::metrics_of(const call_ptr& item) {
  succeed(*item, parts_.figures->to_json());
}

void gateway_state::discover(const call_ptr& item) {
  succeed(*item, open_rpc_document(parts_.registry->methods()));
}

// -- from secondaries --------------------------------------------------------

void gateway_state::committed(const call_ptr& item) {
  auto notice = decode<committed_notice>(item->request.params);
  if (!notice)
    return fail_params(*item, notice.error().message);
  if (notice->announcements.size() > limits::announced_changes_max)
    return fail_params(
      *item, "field \"announcements\" has more than announced_changes_max = "
               + std::to_string(limits::announced_changes_max) + " elements");
  for (const auto& news : notice->announcements)
    if (!is_known(news))
      return fail_params(
        *item, "field \"announcements\" has the unknown topic \"" + news.topic
                 + "\" of the method \"" + news.payload.method + "\"");
  parts_.figures->count(
    "direct", static_cast<std::int64_t>(notice->announcements.size()));
  self_->send(
    parts_.colleagues->get<coordinator_actor>(), wal_report{notice->wal_pages});
  self_->send(
    parts_.colleagues->get<publisher_actor>(),
    announcements{std::move(notice->announcements)});
  succeed(*item, nullptr);
}

// A method that is not ours may be that of a host's dispatcher, which knows its
// topics.
bool gateway_state::is_known(const announcement& news) const {
  auto entry = parts_.registry->methods().find(news.payload.method);
  if (entry)
    return entry->topic == news.topic;
  return parts_.registry->has_host_dispatcher()
         && news.topic.starts_with("db.");
}

void gateway_state::joined(const call_ptr& item) {
  auto notice = decode<joined_notice>(item->request.params);
  if (!notice)
    return fail_params(*item, notice.error().message);
  if (notice->pid < 1 || notice->pid > std::numeric_limits<pid_t>::max())
    return fail_params(*item, "field \"pid\" is no process id");
  if (peers_.size() >= limits::known_peers_max)
    peers_.erase(std::min_element(
      peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
        return a.second.seen < b.second.seen;
      }));
  peers_[item->origin->reply.peer] = {
    notice->instance_id, notice->pid, clock::now()};
  log().info("{} (pid {}) has joined", notice->instance_id, notice->pid);
  succeed(*item, nullptr);
}

// -- texts out ---------------------------------------------------------------

void gateway_state::succeed(const call& item, const json::value& value) {
  succeed(item, json_text{json::serialize(value)});
}

void gateway_state::succeed(const call& item, const json_text& value) {
  auto text = success_text(item.request.id.value_or(nullptr), value);
  if (item.origin->bytes + text.size() <= limits::message_bytes_max)
    return respond(item, std::move(text));
  auto error = make_error(
    error_code::internal,
    "the result of " + std::to_string(text.size())
      + " bytes makes the answer longer than message_bytes_max = "
      + std::to_string(limits::message_bytes_max),
    item.request.method);
  if (item.request.method == "db.write") {
    error.message += "; the write was committed";
    error.outcome = write_outcome::unknown;
  }
  fail(item, error);
}

void gateway_state::fail(const call& item, const write_error& error) {
  respond(item, error_text(item.request.id.value_or(nullptr), error));
}

void gateway_state::fail_params(const call& item, const std::string& detail) {
  auto fault = make_fault(
    rpc_fault_kind::invalid_params, detail, item.request.id.value_or(nullptr));
  fault.data.method = item.request.method;
  respond(item, fault_text(fault));
}

void gateway_state::respond(const call& item, std::string text) {
  if (item.request.is_notification()) {
    log().debug("notification {}: {}", item.request.method, text);
    text.clear();
  } else {
    auto& open = item.origin->unanswered;
    open.erase(std::find(open.begin(), open.end(), *item.request.id));
  }
  close(item.origin, std::move(text));
}

// One call is done; its answer is empty if there is to be none.
void gateway_state::close(const exchange_ptr& origin, std::string text) {
  --origin->way->in_flight;
  origin->bytes += text.size();
  if (!text.empty())
    origin->answers.push_back(std::move(text));
  if (--origin->open > 0)
    return;
  exchanges_.erase(origin);
  if (origin->answers.empty() || fault_point("gateway.reply"))
    return;
  answer(
    *origin, origin->batch ? batch_text(origin->answers)
                           : std::move(origin->answers.front()));
}

void gateway_state::abandon(const write_error& error) {
  // What is asked again is recognised, so a write may be as well as not.
  auto unknown = error;
  unknown.outcome = write_outcome::unknown;
  for (const auto& origin : std::exchange(exchanges_, {})) {
    for (const auto& id : origin->unanswered)
      origin->answers.push_back(error_text(id, unknown));
    if (!origin->answers.empty())
      answer(
        *origin, origin->batch ? batch_text(origin->answers)
                               : std::move(origin->answers.front()));
  }
  // Steps that wait keep their exchange, and so their lane.
  for (auto& [sender, known] : lane_map{*lanes_})
    if (auto own = known.lock()) {
      own->texts = {};
      own->writes = {};
    }
}

void gateway_state::answer(exchange& origin, std::string text) {
  origin.reply.payload = std::move(text);
  std::vector<peer_message> out;
  out.push_back(std::move(origin.reply));
  parts_.loop->reply(std::move(out));
}

gateway_actor::behavior_type
gateway(gateway_state::pointer self, gateway_parts parts) {
  self->state.start(self, std::move(parts));
  set_last_words(self, "gateway", [self](const write_error& error) {
    self->state.abandon(error);
  });
  return {
    [self](requests_received& requests) { self->state.receive(requests); },
  };
}

} // namespace dbproxy
