#include "app/querier.hpp"

#include "messages/limits.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

namespace dbproxy {

namespace {

/// Sends `message` to the proxy and waits for its `Reply`.
template <class Reply, class Message>
result<Reply>
ask(caf::actor_system& system, const proxy_actor& proxy, Message message) {
  caf::scoped_actor self{system};
  result<Reply> out = make_error(error_code::internal, "no answer");
  auto fail = [&](const caf::error& error) { out = from_caf(error); };
  auto pending = self->request(proxy, caf::infinite, std::move(message));
  if constexpr (std::is_void_v<Reply>)
    pending.receive([&] { out = result<void>{}; }, fail);
  else
    pending.receive([&](Reply& reply) { out = std::move(reply); }, fail);
  return out;
}

std::string fresh_request_id() {
  static const auto run = std::to_string(std::random_device{}())
                          + std::to_string(std::random_device{}());
  static std::atomic<std::uint64_t> next{1};
  return "retry-" + run + "-" + std::to_string(next++);
}

} // namespace

result<call_result> querier::run(
  method_ptr entry, boxed params, const call_options& options) const {
  return ask<call_result>(
    *system_, proxy_,
    method_call{std::move(entry), std::move(params), options});
}

result<boost::json::value> querier::run_named(named_call command) const {
  auto outcome = ask<call_result>(*system_, proxy_, std::move(command));
  if (!outcome)
    return outcome.error();
  return outcome->codec->encode(outcome->value);
}

result<boost::json::value> querier::write(
  const std::string& name, const boost::json::value& params,
  const call_options& options) const {
  return run_named({method_kind::write, name, params, options});
}

result<boost::json::value> querier::read(
  const std::string& name, const boost::json::value& params,
  const call_options& options) const {
  return run_named({method_kind::read, name, params, options});
}

result<void> querier::write_with_retry(
  const std::string& name, const boost::json::value& params,
  std::chrono::milliseconds timeout) const {
  using clock = std::chrono::steady_clock;
  auto deadline = clock::now() + timeout;
  auto pause = limits::retry_pause_min;
  auto attempt_max = timeout / limits::retry_attempts_min;
  call_options options;
  options.request_id = fresh_request_id();
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - clock::now());
    // No attempt may use up the time of the next ones.
    options.timeout = std::clamp(
      left, std::chrono::milliseconds{1},
      std::max(attempt_max, std::chrono::milliseconds{1}));
    auto outcome = write(name, params, options);
    if (outcome)
      return {};
    auto error = outcome.error();
    if (!error.is_retryable() || clock::now() + pause >= deadline)
      return error;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, limits::retry_pause_max);
  }
}

result<void> querier::probe_primary() const {
  return ask<void>(*system_, proxy_, probe_command{});
}

} // namespace dbproxy
