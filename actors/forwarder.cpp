#include "actors/forwarder.hpp"

#include "actors/errors.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "messages/limits.hpp"
#include "messages/timestamp.hpp"
#include "transport/json_rpc.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <unistd.h>

namespace dbproxy {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// The values of a reply of usual size find room here.
constexpr std::size_t reply_memory_bytes = 4096;

// The primary gets a little less than what is left, so that its own answer,
// which knows what became of the write, arrives before the deadline.
std::chrono::milliseconds budget_of(std::chrono::nanoseconds left) {
  auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(left);
  return std::max(whole - std::min(whole / 8, 50ms), 1ms);
}

// How long an answer is waited for before a write is sent again.
std::chrono::nanoseconds resend_pause(std::chrono::nanoseconds left) {
  return std::max<std::chrono::nanoseconds>(left / 5, 100ms);
}

write_error unreachable(const std::string& method) {
  return make_error(error_code::unreachable, "no primary answers", method);
}

} // namespace

void forwarder_state::start(
  pointer self, std::shared_ptr<zmq_loop> loop, forwarder_options options) {
  self_ = self;
  loop_ = std::move(loop);
  options_ = std::move(options);
  connect();
}

void forwarder_state::connect() {
  if (!options_.primary) {
    loop_->disconnect();
    return;
  }
  loop_->connect(
    {options_.primary->rpc_addr, options_.primary->pub_addr,
     static_cast<pid_t>(options_.primary->pid)});
  joined_notice hello{options_.instance_id, getpid()};
  loop_->send({notification_text("instance.joined", encode(hello))});
}

caf::result<written> forwarder_state::forward(const forward_command& command) {
  if (!options_.primary || silent_)
    return to_caf(unreachable(command.write->method));
  auto promise = self_->make_response_promise<written>();
  auto id = next_id_++;
  pending item;
  item.write = command.write;
  item.deadline = command.deadline;
  item.promise = promise;
  pending_.emplace(id, std::move(item));
  unsent_.push_back(id);
  send_due();
  if (auto kept = pending_.find(id); kept != pending_.end())
    arm_tick(due(kept->second));
  return promise;
}

void forwarder_state::send_due() {
  std::vector<std::string> texts;
  while (!unsent_.empty() && in_flight_ < limits::peer_in_flight_max) {
    auto id = unsent_.front();
    unsent_.pop_front();
    auto found = pending_.find(id);
    if (found == pending_.end() || found->second.sent)
      continue;
    auto text = text_of(id, found->second);
    if (!text) {
      answer(found->second, text.error());
      pending_.erase(found);
      continue;
    }
    auto now = clock::now();
    found->second.sent = true;
    found->second.copies = 1;
    found->second.resend_at = now + resend_pause(found->second.deadline - now);
    ++in_flight_;
    texts.push_back(std::move(*text));
  }
  if (!texts.empty())
    loop_->send(std::move(texts));
}

// A request or its reply can be lost, where a part of the primary fails or a
// connection breaks. The primary recognises what it has.
void forwarder_state::send_again(rpc_id id, pending& item) {
  auto now = clock::now();
  ++item.copies;
  item.resend_at = now + resend_pause(item.deadline - now);
  options_.figures->count_retries(1);
  if (auto text = text_of(id, item))
    loop_->send({std::move(*text)});
}

result<std::string>
forwarder_state::text_of(rpc_id id, const pending& item) const {
  const auto& write = *item.write;
  write_meta meta;
  meta.source_instance_id = write.source_instance_id;
  meta.request_id = write.request_id;
  meta.settled_request_id = write.settled_request_id;
  meta.timestamp = rfc3339_now();
  auto now = clock::now();
  auto budget = budget_of(item.deadline - now);
  meta.timeout_ms = budget.count();
  meta.deadline_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                       (now + budget).time_since_epoch())
                       .count();
  write_request_text request{
    std::move(meta),
    write.method,
    {write.params_codec->encode_text(write.params)}};
  auto text = request_text(id, "db.write", json_text{encode_text(request)});
  if (text.size() > limits::message_bytes_max)
    return make_error(
      error_code::invalid_params,
      "the message has " + std::to_string(text.size())
        + " bytes, more than message_bytes_max = "
        + std::to_string(limits::message_bytes_max),
      write.method);
  return text;
}

void forwarder_state::receive(const replies_received& replies) {
  for (const auto& text : replies.texts) {
    std::array<unsigned char, reply_memory_bytes> buffer;
    json::monotonic_resource memory{buffer.data(), buffer.size()};
    auto response = parse_response(text, &memory);
    if (!response || !response->id.is_int64()) {
      log().warn("the primary sent what is no response to a request");
      continue;
    }
    on_reply(response->id.get_int64(), std::move(response->outcome));
  }
  send_due();
}

void forwarder_state::on_reply(rpc_id id, result<json::value> outcome) {
  if (auto probe = probes_.extract(id)) {
    if (outcome)
      deliver_done(probe.mapped().promise);
    else
      probe.mapped().promise.deliver(to_caf(outcome.error()));
    return;
  }
  auto found = pending_.find(id);
  if (found == pending_.end() || !found->second.sent)
    return; // answered already, at its deadline
  auto& item = found->second;
  // An error is final when every copy has met with it.
  --item.copies;
  if (!outcome && item.copies > 0)
    return;
  --in_flight_;
  if (
    !outcome && outcome.error().is_retryable()
    && clock::now() + item.pause < item.deadline) {
    item.sent = false;
    item.lost |= outcome.error().outcome == write_outcome::unknown;
    item.refusal = outcome.error();
    item.retry_at = clock::now() + item.pause;
    item.pause = std::min(item.pause * 2, limits::retry_pause_max);
    arm_tick(due(item));
    return;
  }
  if (!outcome) {
    auto error = outcome.error();
    if (item.lost && error.is_retryable())
      error.outcome = write_outcome::unknown;
    answer(item, std::move(error));
  } else if (auto value = item.write->returns->decode(*outcome)) {
    answer(item, written{std::move(*value), false});
  } else {
    auto error = value.error();
    error.code = error_code::internal;
    error.message = "the primary's result: " + error.message;
    error.outcome = write_outcome::unknown;
    answer(item, std::move(error));
  }
  pending_.erase(found);
}

void forwarder_state::answer(pending& item, result<written> outcome) {
  if (outcome) {
    item.promise.deliver(std::move(*outcome));
    return;
  }
  auto error = outcome.error();
  error.method = item.write->method;
  item.promise.deliver(to_caf(std::move(error)));
}

// -- primaries that come and go ----------------------------------------------

void forwarder_state::change_primary(const primary_changed& news) {
  auto silent = std::exchange(silent_, news.silent);
  if (news.primary == options_.primary) {
    // The connection stays, so that what the primary still has of ours comes
    // before what it gets when it is back.
    if (silent_ && !silent)
      fail_all_unreachable();
    return;
  }
  options_.primary = news.primary;
  connect();
  if (!options_.primary) {
    fail_all_unreachable();
    return;
  }
  // Whatever the earlier primary made of these, the journal knows.
  in_flight_ = 0;
  unsent_.clear();
  for (auto& [id, item] : pending_) {
    item.lost |= item.sent;
    item.sent = false;
    item.refusal.reset();
    unsent_.push_back(id);
  }
  send_due();
  for (const auto& [id, item] : pending_)
    arm_tick(due(item));
}

void forwarder_state::fail_all_unreachable() {
  in_flight_ = 0;
  unsent_.clear();
  auto items = std::exchange(pending_, {});
  for (auto& [id, item] : items) {
    auto error = unreachable(item.write->method);
    if (item.sent || item.lost)
      error.outcome = write_outcome::unknown;
    item.promise.deliver(to_caf(std::move(error)));
  }
}

// What is committed in quick succession is told together.
void forwarder_state::announce(const committed_directly& committed) {
  const auto& news = committed.notice;
  notice_.wal_pages = news.wal_pages;
  notice_.announcements.insert(
    notice_.announcements.end(), news.announcements.begin(),
    news.announcements.end());
  auto may_wait_until = told_at_ + limits::notice_pause;
  if (
    clock::now() >= may_wait_until
    || notice_.announcements.size() >= limits::notice_changes_max)
    tell_committed();
  else
    arm_tick(may_wait_until);
}

void forwarder_state::tell_committed() {
  auto notice = std::exchange(notice_, {});
  told_at_ = clock::now();
  if (options_.primary)
    loop_->send({notification_text("instance.committed", encode(notice))});
}

// -- time --------------------------------------------------------------------

caf::result<void> forwarder_state::probe() {
  if (!options_.primary)
    return to_caf(unreachable("instance.ping"));
  auto promise = self_->make_response_promise<void>();
  auto id = next_id_++;
  probes_.emplace(
    id, open_probe{clock::now() + limits::probe_timeout, promise});
  loop_->send({request_text(id, "instance.ping", nullptr)});
  arm_tick(probes_.at(id).deadline);
  return promise;
}

// When something is to be done about a write if no answer comes.
time_point forwarder_state::due(const pending& item) const {
  if (item.sent)
    return std::min(item.deadline, item.resend_at);
  return item.refusal ? std::min(item.deadline, item.retry_at) : item.deadline;
}

// One that is under way cannot be taken back: it finds nothing to do.
void forwarder_state::arm_tick(time_point due) {
  if (tick_at_ && *tick_at_ <= due)
    return;
  tick_at_ = due;
  auto wait = std::max<clock::duration>(due - clock::now(), 1ms);
  self_->delayed_send(self_, wait, caf::tick_atom::value);
}

void forwarder_state::tick() {
  tick_at_.reset();
  auto now = clock::now();
  if (!notice_.announcements.empty() || notice_.wal_pages > 0) {
    if (now >= told_at_ + limits::notice_pause)
      tell_committed();
    else
      arm_tick(told_at_ + limits::notice_pause);
  }
  for (auto at = pending_.begin(); at != pending_.end();) {
    auto& item = at->second;
    if (item.deadline <= now) {
      if (item.sent)
        --in_flight_;
      answer(item, late_error(item));
      at = pending_.erase(at);
      continue;
    }
    if (item.sent && item.resend_at <= now)
      send_again(at->first, item);
    if (item.refusal && !item.sent && item.retry_at <= now) {
      item.refusal.reset();
      unsent_.push_back(at->first);
      options_.figures->count_retries(1);
    }
    ++at;
  }
  for (auto at = probes_.begin(); at != probes_.end();) {
    if (at->second.deadline > now) {
      ++at;
      continue;
    }
    at->second.promise.deliver(to_caf(unreachable("instance.ping")));
    at = probes_.erase(at);
  }
  send_due();
  for (const auto& [id, item] : pending_)
    arm_tick(due(item));
  for (const auto& [id, probe] : probes_)
    arm_tick(probe.deadline);
}

write_error forwarder_state::late_error(const pending& item) const {
  auto error = item.refusal.value_or(make_error(
    error_code::timeout, "the primary did not answer within the deadline"));
  if (item.sent || item.lost)
    error.outcome = write_outcome::unknown;
  return error;
}

void forwarder_state::abandon(const write_error& error) {
  if (!notice_.announcements.empty())
    tell_committed();
  auto items = std::exchange(pending_, {});
  for (auto& [id, item] : items) {
    auto out = error;
    if (item.sent || item.lost)
      out.outcome = write_outcome::unknown;
    answer(item, std::move(out));
  }
  auto probes = std::exchange(probes_, {});
  for (auto& [id, probe] : probes)
    probe.promise.deliver(to_caf(error));
}

forwarder_actor::behavior_type forwarder(
  forwarder_state::pointer self, std::shared_ptr<zmq_loop> loop,
  forwarder_options options) {
  self->state.start(self, std::move(loop), std::move(options));
  set_last_words(self, "forwarder", [self](const write_error& error) {
    self->state.abandon(error);
  });
  return {
    [self](const forward_command& command) {
      return self->state.forward(command);
    },
    [self](const primary_changed& news) { self->state.change_primary(news); },
    [self](const replies_received& replies) { self->state.receive(replies); },
    [self](const committed_directly& committed) {
      self->state.announce(committed);
    },
    [self](const probe_command&) { return self->state.probe(); },
    [self](caf::tick_atom) { self->state.tick(); },
  };
}

} // namespace dbproxy
