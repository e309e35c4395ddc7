#include "actors/proxy.hpp"

#include "actors/errors.hpp"
#include "actors/last_words.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// Between a failure of a colleague and the next attempt.
constexpr auto retry_pause = 20ms;
// That writes are settled is told when so many are, for one removal of many
// journal entries costs little more than one of a few.
constexpr std::uint64_t settled_told_at_once = 16;
// How far the WAL grows before the coordinator is told: a checkpoint is a
// matter of many times as much.
constexpr std::int64_t wal_report_pages = 25;

std::string hex(std::uint64_t value, int digits) {
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 4U)
    *at = alphabet[value & 0xfU];
  return text;
}

std::uint64_t random_word() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

write_error in_method(write_error error, const std::string& method) {
  error.method = method;
  return error;
}

} // namespace

void proxy_state::start(pointer self, proxy_parts parts) {
  self_ = self;
  parts_ = std::move(parts);
  run_id_ = hex(random_word(), 16);
  path_ = std::make_unique<write_path>(make_ports());
}

method_ptr proxy_state::entry_of(std::string_view method_name) const {
  return parts_.registry->methods().find(method_name);
}

// -- identity and time -------------------------------------------------------

result<time_point> proxy_state::deadline_for(
  timeout_class which, const call_options& options) const {
  auto timeout = options.timeout.value_or(
    which == timeout_class::extended ? parts_.timeouts.extended
                                     : parts_.timeouts.standard);
  if (timeout.count() <= 0 || timeout > limits::timeout_max)
    return make_error(
      error_code::invalid_params,
      "the timeout must be within 1 and timeout_max = "
        + std::to_string(limits::timeout_max.count()) + " ms");
  return clock::now() + timeout;
}

std::string proxy_state::id_of(std::uint64_t sequence) const {
  return run_id_ + "-" + hex(sequence, 12);
}

proxy_state::numbered_ids proxy_state::next_ids(const call_options& options) {
  numbered_ids out;
  out.ids.source_instance_id = parts_.instance_id;
  if (options.request_id) {
    out.ids.request_id = options.request_id;
    return out;
  }
  forget_settled();
  auto sequence = next_sequence_++;
  open_sequences_.insert(sequence);
  out.ids.request_id = id_of(sequence);
  // Everything before the oldest open write has been answered.
  auto settled = *open_sequences_.begin() - 1;
  auto is_news = journaled_ > told_settled_
                 && settled >= told_settled_ + settled_told_at_once;
  if (is_news)
    out.ids.settled_request_id = id_of(settled);
  out.where = {sequence, is_news ? settled : 0};
  return out;
}

void proxy_state::settle(
  const place& where, time_point deadline, const result<written>& outcome,
  settled_from when) {
  if (when == settled_from::deadline)
    settling_.emplace(deadline, where.sequence);
  else
    open_sequences_.erase(where.sequence);
  if (when != settled_from::unrecorded)
    journaled_ = std::max(journaled_, where.sequence);
  if (outcome)
    told_settled_ = std::max(told_settled_, where.settles);
}

void proxy_state::forget_settled() {
  auto now = clock::now();
  while (!settling_.empty() && settling_.begin()->first < now) {
    open_sequences_.erase(settling_.begin()->second);
    settling_.erase(settling_.begin());
  }
}

// -- calls -------------------------------------------------------------------

proxy_state::call_id proxy_state::open(done finished) {
  auto which = next_call_++;
  open_calls_.emplace(which, open_call{std::move(finished)});
  return which;
}

void proxy_state::close(call_id which, result<call_result> outcome) {
  auto found = open_calls_.extract(which);
  if (found)
    found.mapped().finished(std::move(outcome));
}

void proxy_state::refuse(
  call_id which, write_error error, const std::string& method,
  const std::optional<place>& where) {
  if (where)
    open_sequences_.erase(where->sequence);
  parts_.figures->record_error(error.code);
  close(which, in_method(std::move(error), method));
}

void proxy_state::call(
  const method_ptr& entry, boxed params, const call_options& options,
  done finished) {
  if (entry->kind == method_kind::read)
    return read(open(std::move(finished)), entry, std::move(params), options);
  if (entry->dispatched) {
    named_call command{
      entry->kind, entry->name, entry->params->encode(params), options};
    return call_by_name(command, std::move(finished));
  }
  auto which = open(std::move(finished));
  auto numbered = next_ids(options);
  auto prepared = prepare(entry, std::move(params), std::move(numbered.ids));
  if (!prepared)
    return refuse(which, prepared.error(), entry->name, numbered.where);
  order_.run([=, this, write = std::move(*prepared), where = numbered.where] {
    write_prepared(which, write, where, options);
  });
}

void proxy_state::call_by_name(named_call& command, done finished) {
  auto which = open(std::move(finished));
  if (command.kind == method_kind::read) {
    auto entry =
      parts_.registry->methods().find(command.method, method_kind::read);
    if (!entry)
      return refuse(which, entry.error(), command.method, {});
    auto params = (*entry)->params->decode(command.params);
    if (!params)
      return refuse(which, params.error(), command.method, {});
    return read(which, *entry, std::move(*params), command.options);
  }
  if (order_.size() >= limits::instance_writes_max)
    return refuse(
      which,
      make_error(
        error_code::busy,
        "instance_writes_max = " + std::to_string(limits::instance_writes_max)
          + " writes of this instance wait to be prepared"),
      command.method, {});
  auto numbered = next_ids(command.options);
  auto turn = order_.begin();
  prepare_write(
    self_, *parts_.registry, command.method, std::move(command.params),
    std::move(numbered.ids),
    command.options.timeout.value_or(parts_.timeouts.extended),
    [this, which, turn, where = numbered.where, options = command.options,
     method = command.method](result<write_ptr> prepared) {
      if (!prepared) {
        order_.ready(turn, {});
        return refuse(which, prepared.error(), method, where);
      }
      order_.ready(turn, [=, this, write = std::move(*prepared)] {
        write_prepared(which, write, where, options);
      });
    });
}

void proxy_state::read(
  call_id which, const method_ptr& entry, boxed params,
  const call_options& options) {
  auto deadline = deadline_for(entry->timeout, options);
  if (!deadline)
    return refuse(which, deadline.error(), entry->name, {});
  auto begun = clock::now();
  run_read(
    self_, parts_.readers, entry, std::move(params), *deadline - begun,
    [this, which, begun, entry](const result<boxed>& outcome) {
      parts_.figures->record(
        "read", entry->name, clock::now() - begun, outcome.has_value());
      if (outcome)
        close(
          which, call_result{*outcome, entry->returns, write_route::local, {}});
      else
        refuse(which, outcome.error(), entry->name, {});
    });
}

void proxy_state::write_prepared(
  call_id which, const write_ptr& prepared, const std::optional<place>& where,
  const call_options& options) {
  auto deadline = deadline_for(prepared->timeout, options);
  if (!deadline)
    return refuse(which, deadline.error(), prepared->method, where);
  if (auto found = open_calls_.find(which); found != open_calls_.end())
    found->second.outcome = write_outcome::unknown;
  auto finish =
    [this, which, prepared, where, deadline = *deadline, begun = clock::now()](
      result<written> outcome, write_route route, settled_from when) {
      if (where)
        settle(*where, deadline, outcome, when);
      parts_.figures->record(
        to_string(route), prepared->method, clock::now() - begun,
        outcome.has_value());
      if (!outcome)
        return refuse(which, outcome.error(), prepared->method, {});
      close(
        which, call_result{
                 std::move(outcome->value), prepared->returns, route,
                 prepared->request_id});
    };
  auto journaled = !where.has_value();
  path_->submit(prepared, *deadline, journaled, std::move(finish));
}

// -- the surroundings of the write path --------------------------------------

void proxy_state::submit(
  submission command, std::function<void(result<written>)> then) {
  self_
    ->request(
      parts_.colleagues->get<coordinator_actor>(), caf::infinite,
      std::move(command))
    .then(
      [then](const written& outcome) { then(outcome); },
      [then](const caf::error& reason) {
        auto error = from_caf(reason);
        // One that failed is as one that is not there.
        if (
          error.code == error_code::unavailable
          || reason.category() != error_category)
          error.code = error_code::unreachable;
        then(std::move(error));
      });
}

void proxy_state::execute(
  write_batch batch, std::function<void(result<batch_result>)> then) {
  self_
    ->request(
      parts_.colleagues->get<writer_actor>(), caf::infinite, std::move(batch))
    .then(
      [then, open = parts_.at_writer.add()](batch_result& outcome) {
        then(std::move(outcome));
      },
      [then](const caf::error& reason) {
        auto error = from_caf(reason);
        // The writer answers what it begins, or fails with it.
        if (reason == caf::sec::request_receiver_down)
          error.outcome = write_outcome::not_applied;
        then(std::move(error));
      });
}

void proxy_state::forward(
  forward_command command, std::function<void(result<written>)> then) {
  self_
    ->request(
      parts_.colleagues->get<forwarder_actor>(), caf::infinite,
      std::move(command))
    .then(
      [then](const written& outcome) { then(outcome); },
      [then](const caf::error& reason) {
        auto error = from_caf(reason);
        if (error.code == error_code::unavailable)
          error.code = error_code::unreachable;
        then(std::move(error));
      });
}

write_ports proxy_state::make_ports() {
  write_ports ports;
  ports.execute = [this](write_batch batch, auto then) {
    execute(std::move(batch), std::move(then));
  };
  ports.submit = [this](submission command, auto then) {
    submit(std::move(command), std::move(then));
  };
  ports.forward = [this](forward_command command, auto then) {
    forward(std::move(command), std::move(then));
  };
  ports.later = [this](auto then) {
    if (later_.empty())
      self_->delayed_send(self_, retry_pause, caf::tick_atom::value);
    later_.push_back(std::move(then));
  };
  ports.epoch = [this] { return epoch_; };
  ports.announce = [this](committed_notice notice) {
    announce(std::move(notice));
  };
  ports.retried = [this](std::size_t writes) {
    parts_.figures->count_retries(writes);
  };
  ports.is_primary = [this] {
    return parts_.colleagues->get<coordinator_actor>() != nullptr;
  };
  ports.primary_known = [this] {
    return primary_known_
           && parts_.colleagues->get<forwarder_actor>() != nullptr;
  };
  ports.contended = [this] {
    return parts_.routing == write_routing::forwarded
           || (parts_.hint && parts_.hint->contended());
  };
  ports.mark_contended = [this] {
    if (parts_.hint)
      parts_.hint->mark();
  };
  return ports;
}

void proxy_state::announce(committed_notice notice) {
  if (auto forwarder = parts_.colleagues->get<forwarder_actor>()) {
    self_->send(forwarder, committed_directly{std::move(notice)});
    return;
  }
  auto publisher = parts_.colleagues->get<publisher_actor>();
  if (publisher && !notice.announcements.empty())
    self_->send(publisher, announcements{std::move(notice.announcements)});
  auto grown = notice.wal_pages - told_wal_pages_;
  if (grown >= 0 && grown < wal_report_pages)
    return;
  told_wal_pages_ = notice.wal_pages;
  self_->send(
    parts_.colleagues->get<coordinator_actor>(),
    wal_report{notice.wal_pages, parts_.instance_id});
}

void proxy_state::tick() {
  for (auto& then : std::exchange(later_, {}))
    then();
}

void proxy_state::note_primary(const primary_changed& news) {
  primary_known_ = news.primary.has_value() && !news.silent;
  epoch_.reset();
  if (news.primary && news.primary->instance_id == parts_.instance_id)
    epoch_ = news.primary->epoch;
  path_->resume();
}

caf::result<void> proxy_state::probe() {
  if (parts_.colleagues->get<coordinator_actor>())
    return caf::unit;
  auto forwarder = parts_.colleagues->get<forwarder_actor>();
  if (!forwarder)
    return to_caf(make_error(
      error_code::unreachable, "no primary answers", "instance.ping"));
  auto answer = self_->make_response_promise<void>();
  self_->request(forwarder, caf::infinite, probe_command{})
    .then(
      [answer] { deliver_done(answer); },
      [answer](caf::error& error) mutable {
        answer.deliver(std::move(error));
      });
  return answer;
}

void proxy_state::abandon(const write_error& error) {
  path_->abandon(error);
  for (auto& [which, call] : std::exchange(open_calls_, {})) {
    auto own = error;
    own.outcome = call.outcome;
    call.finished(std::move(own));
  }
}

// -- the behaviour -----------------------------------------------------------

namespace {

template <class R>
void deliver(
  caf::typed_response_promise<R>& promise, result<call_result> outcome) {
  if (!outcome)
    promise.deliver(to_caf(outcome.error()));
  else if constexpr (std::is_void_v<R>)
    deliver_done(promise);
  else
    promise.deliver(outcome->value.template as<R>());
}

/// The handler of one method's typed message.
template <method M>
auto handler_of(proxy_state::pointer self) {
  using returns = typename M::returns;
  auto entry = self->state.entry_of(M::spec.name);
  return [self, entry](M& params) -> caf::result<returns> {
    auto promise = self->make_response_promise<returns>();
    self->state.call(
      entry, boxed::of(std::move(params)), {},
      [promise](result<call_result> outcome) mutable {
        deliver(promise, std::move(outcome));
      });
    return promise;
  };
}

template <class... Ms>
proxy_actor::behavior_type
behavior_of(proxy_state::pointer self, boost::mp11::mp_list<Ms...>) {
  return {
    [self](method_call& command) -> caf::result<call_result> {
      auto promise = self->make_response_promise<call_result>();
      self->state.call(
        command.entry, std::move(command.params), command.options,
        [promise](result<call_result> outcome) mutable {
          if (outcome)
            promise.deliver(std::move(*outcome));
          else
            promise.deliver(to_caf(outcome.error()));
        });
      return promise;
    },
    [self](named_call& command) -> caf::result<call_result> {
      auto promise = self->make_response_promise<call_result>();
      self->state.call_by_name(
        command, [promise](result<call_result> outcome) mutable {
          if (outcome)
            promise.deliver(std::move(*outcome));
          else
            promise.deliver(to_caf(outcome.error()));
        });
      return promise;
    },
    [self](const probe_command&) { return self->state.probe(); },
    [self](const primary_changed& news) { self->state.note_primary(news); },
    [self](caf::tick_atom) { self->state.tick(); },
    handler_of<Ms>(self)...};
}

} // namespace

proxy_actor::behavior_type proxy(proxy_state::pointer self, proxy_parts parts) {
  self->state.start(self, std::move(parts));
  set_last_words(self, "instance", [self](const write_error& error) {
    self->state.abandon(error);
  });
  return behavior_of(self, catalogue{});
}

} // namespace dbproxy
