#include "actors/proxy.hpp"

#include "actors/errors.hpp"

#include <random>
#include <utility>

namespace dbproxy {

namespace {

using clock = std::chrono::steady_clock;

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
  if (!parts_.coordinator)
    route_ = std::make_unique<secondary_route>(make_ports());
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
  out.sequence = next_sequence_++;
  open_sequences_.insert(*out.sequence);
  out.ids.request_id = id_of(*out.sequence);
  // Everything before the oldest open write has been answered.
  if (auto oldest = *open_sequences_.begin(); oldest > 1)
    out.ids.settled_request_id = id_of(oldest - 1);
  return out;
}

// -- calls -------------------------------------------------------------------

void proxy_state::call(
  const method_ptr& entry, boxed params, const call_options& options,
  done finished) {
  if (entry->kind == method_kind::read) {
    read(entry, std::move(params), options, std::move(finished));
    return;
  }
  auto deadline = deadline_for(entry->timeout, options);
  if (!deadline) {
    finished(in_method(deadline.error(), entry->name));
    return;
  }
  auto numbered = next_ids(options);
  auto prepared = prepare(entry, std::move(params), std::move(numbered.ids));
  if (!prepared) {
    if (numbered.sequence)
      open_sequences_.erase(*numbered.sequence);
    parts_.figures->record_error(prepared.error().code);
    finished(prepared.error());
    return;
  }
  write(
    std::move(*prepared), *deadline, numbered.sequence, std::move(finished));
}

void proxy_state::call_by_name(const named_call& command, done finished) {
  auto fail = [&](write_error error) {
    finished(in_method(std::move(error), command.method));
  };
  if (command.kind == method_kind::read) {
    auto entry =
      parts_.registry->methods().find(command.method, method_kind::read);
    if (!entry)
      return fail(entry.error());
    auto params = (*entry)->params->decode(command.params);
    if (!params)
      return fail(params.error());
    return read(
      *entry, std::move(*params), command.options, std::move(finished));
  }
  auto numbered = next_ids(command.options);
  auto sequence = numbered.sequence;
  prepare_write(
    self_, *parts_.registry, command.method, command.params,
    std::move(numbered.ids),
    [this, sequence, options = command.options,
     finished](result<write_ptr> prepared) {
      auto error = prepared ? std::optional<write_error>{}
                            : std::optional{prepared.error()};
      auto deadline = result<time_point>{time_point{}};
      if (!error) {
        deadline = deadline_for((*prepared)->timeout, options);
        if (!deadline)
          error = in_method(deadline.error(), (*prepared)->method);
      }
      if (error) {
        if (sequence)
          open_sequences_.erase(*sequence);
        parts_.figures->record_error(error->code);
        finished(std::move(*error));
        return;
      }
      write(std::move(*prepared), *deadline, sequence, finished);
    });
}

void proxy_state::read(
  const method_ptr& entry, boxed params, const call_options& options,
  done finished) {
  auto deadline = deadline_for(entry->timeout, options);
  if (!deadline) {
    finished(in_method(deadline.error(), entry->name));
    return;
  }
  auto begun = clock::now();
  run_read(
    self_, parts_.readers, entry, std::move(params), *deadline - begun,
    [this, begun, entry, finished](const result<boxed>& outcome) {
      parts_.figures->record(
        "read", entry->name, clock::now() - begun, outcome.has_value());
      if (outcome) {
        finished(call_result{*outcome, entry->returns, write_route::local, {}});
      } else {
        parts_.figures->record_error(outcome.error().code);
        finished(outcome.error());
      }
    });
}

void proxy_state::write(
  write_ptr prepared, time_point deadline,
  std::optional<std::uint64_t> sequence, done finished) {
  auto close = [this, prepared, sequence, begun = clock::now(),
                finished](result<written> outcome, write_route route) {
    if (sequence)
      open_sequences_.erase(*sequence);
    parts_.figures->record(
      to_string(route), prepared->method, clock::now() - begun,
      outcome.has_value());
    if (outcome) {
      finished(call_result{
        std::move(outcome->value), prepared->returns, route,
        prepared->request_id});
    } else {
      parts_.figures->record_error(outcome.error().code);
      finished(in_method(outcome.error(), prepared->method));
    }
  };
  if (route_) {
    auto journaled = !sequence.has_value();
    route_->submit(std::move(prepared), deadline, journaled, std::move(close));
    return;
  }
  self_
    ->request(
      parts_.coordinator, caf::infinite,
      submission{std::move(prepared), deadline})
    .then(
      [close](const written& outcome) { close(outcome, write_route::local); },
      [close](const caf::error& error) {
        close(from_caf(error), write_route::local);
      });
}

// -- the secondary's surroundings --------------------------------------------

route_ports proxy_state::make_ports() {
  route_ports ports;
  ports.execute = [this](write_batch batch, auto then) {
    auto count = batch.entries.size();
    self_->request(parts_.writer, caf::infinite, std::move(batch))
      .then(
        [then](batch_result& outcome) { then(std::move(outcome)); },
        [then, count](const caf::error& error) {
          batch_result failed;
          failed.outcome = batch_result::status::failed;
          failed.results.assign(count, from_caf(error));
          then(std::move(failed));
        });
  };
  ports.forward = [this](forward_command command, auto then) {
    self_->request(parts_.forwarder, caf::infinite, std::move(command))
      .then(
        [then](const written& outcome) { then(outcome); },
        [then](const caf::error& error) { then(from_caf(error)); });
  };
  ports.announce = [this](committed_notice notice) {
    self_->send(parts_.forwarder, committed_directly{std::move(notice)});
  };
  ports.retried = [this](std::size_t writes) {
    parts_.figures->count_retries(writes);
  };
  ports.primary_known = [this] { return primary_known_; };
  ports.contended = [this] { return parts_.hint && parts_.hint->contended(); };
  ports.mark_contended = [this] {
    if (parts_.hint)
      parts_.hint->mark();
  };
  return ports;
}

void proxy_state::note_primary(const primary_changed& news) {
  primary_known_ = news.primary.has_value();
}

caf::result<void> proxy_state::probe() {
  if (parts_.coordinator)
    return caf::unit;
  auto answer = self_->make_response_promise<void>();
  self_->request(parts_.forwarder, caf::infinite, probe_command{})
    .then(
      [answer] { deliver_done(answer); },
      [answer](caf::error& error) mutable {
        answer.deliver(std::move(error));
      });
  return answer;
}

void proxy_state::abandon(const write_error& error) {
  if (route_)
    route_->abandon(error);
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
    [self](const named_call& command) -> caf::result<call_result> {
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
    handler_of<Ms>(self)...};
}

} // namespace

proxy_actor::behavior_type proxy(proxy_state::pointer self, proxy_parts parts) {
  self->state.start(self, std::move(parts));
  self->set_exit_handler([self](const caf::exit_msg& message) {
    self->state.abandon(
      make_error(error_code::unavailable, "the instance is stopping"));
    self->quit(message.reason);
  });
  return behavior_of(self, catalogue{});
}

} // namespace dbproxy
