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

// Copies of writes that the primary may have at a time. It takes no more than
// peer_in_flight_max requests of a peer, and some of those are none of these.
constexpr std::size_t copies_max = limits::peer_in_flight_max - 16;

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
  unsent_.insert(id);
  send_due();
  if (auto kept = pending_.find(id); kept != pending_.end())
    arm_tick(due(kept->second));
  return promise;
}

// What was refused keeps its place: before anything else is sent, everything
// that is out has been answered, and the pause is over.
bool forwarder_state::may_send() const {
  if (held_until_)
    return copies_ == 0 && *held_until_ <= clock::now();
  return copies_ < copies_max;
}

void forwarder_state::send_due() {
  std::vector<std::string> texts;
  while (!unsent_.empty() && may_send()) {
    if (held_until_)
      held_until_.reset();
    auto id = unsent_.extract(unsent_.begin()).value();
    auto& item = pending_.at(id);
    auto text = text_of(id, item);
    if (!text) {
      answer(item, text.error());
      pending_.erase(id);
      continue;
    }
    if (std::exchange(item.refusal, std::nullopt))
      options_.figures->count_retries(1);
    auto now = clock::now();
    item.copies = 1;
    item.resend_at = now + resend_pause(item.deadline - now);
    ++copies_;
    texts.push_back(std::move(*text));
  }
  if (!texts.empty())
    loop_->send(std::move(texts));
}

// A request or its reply can be lost, where a part of the primary fails or a
// connection breaks. The primary recognises what it has.
void forwarder_state::send_again(rpc_id id, pending& item) {
  auto now = clock::now();
  item.resend_at = now + resend_pause(item.deadline - now);
  if (copies_ >= copies_max)
    return;
  ++item.copies;
  ++copies_;
  options_.figures->count_retries(1);
  if (auto text = text_of(id, item))
    loop_->send({std::move(*text)});
}

void forwarder_state::hold(time_point now) {
  if (held_until_)
    return;
  held_until_ = now + next_hold_;
  next_hold_ = std::min(next_hold_ * 2, limits::retry_pause_max);
  arm_tick(*held_until_);
}

void forwarder_state::stop_holding() {
  held_until_.reset();
  next_hold_ = limits::retry_pause_min;
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
  if (found == pending_.end() || !found->second.is_sent())
    return; // answered already, at its deadline
  auto& item = found->second;
  --item.copies;
  --copies_;
  // An error is final when every copy has met with it.
  if (!outcome && item.copies > 0)
    return;
  copies_ -= std::exchange(item.copies, 0);
  auto now = clock::now();
  if (
    !outcome && outcome.error().is_retryable()
    && held_until_.value_or(now + next_hold_) < item.deadline) {
    item.lost |= outcome.error().outcome == write_outcome::unknown;
    item.refusal = outcome.error();
    unsent_.insert(id);
    hold(now);
    return;
  }
  if (!outcome) {
    auto error = outcome.error();
    if (item.lost && error.is_retryable())
      error.outcome = write_outcome::unknown;
    answer(item, std::move(error));
  } else if (auto value = item.write->returns->decode(*outcome)) {
    next_hold_ = limits::retry_pause_min;
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
  // Whatever the earlier primary made of these, the journal knows. They get new
  // numbers, as a reply of its may be under way still.
  copies_ = 0;
  stop_holding();
  unsent_.clear();
  for (auto& [old_id, item] : std::exchange(pending_, {})) {
    item.lost |= item.is_sent();
    item.copies = 0;
    item.refusal.reset();
    auto id = next_id_++;
    pending_.emplace_hint(pending_.end(), id, std::move(item));
    unsent_.insert(unsent_.end(), id);
  }
  send_due();
  for (const auto& [id, item] : pending_)
    arm_tick(due(item));
}

void forwarder_state::fail_all_unreachable() {
  copies_ = 0;
  stop_holding();
  unsent_.clear();
  auto items = std::exchange(pending_, {});
  for (auto& [id, item] : items) {
    auto error = unreachable(item.write->method);
    if (item.is_sent() || item.lost)
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
  return item.is_sent() ? std::min(item.deadline, item.resend_at)
                        : item.deadline;
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
      copies_ -= item.copies;
      unsent_.erase(at->first);
      answer(item, late_error(item));
      at = pending_.erase(at);
      continue;
    }
    if (item.is_sent() && item.resend_at <= now)
      send_again(at->first, item);
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
  if (held_until_ && *held_until_ > now)
    arm_tick(*held_until_);
  for (const auto& [id, probe] : probes_)
    arm_tick(probe.deadline);
}

write_error forwarder_state::late_error(const pending& item) const {
  auto error = item.refusal.value_or(make_error(
    error_code::timeout, "the primary did not answer within the deadline"));
  if (item.is_sent() || item.lost)
    error.outcome = write_outcome::unknown;
  return error;
}

void forwarder_state::abandon(const write_error& error) {
  if (!notice_.announcements.empty())
    tell_committed();
  auto items = std::exchange(pending_, {});
  for (auto& [id, item] : items) {
    auto out = error;
    if (item.is_sent() || item.lost)
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
