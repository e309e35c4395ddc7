// The blocking face of the proxy, for code that is no actor.
#pragma once

#include "actors/errors.hpp"
#include "actors/interfaces.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace dbproxy {

/// Calls the proxy and waits for its answer. A value type; any thread, also
/// several at once, but not from an actor's handler. The actor system must
/// outlive it.
class querier {
public:
  querier(
    caf::actor_system& system, proxy_actor proxy,
    std::shared_ptr<method_set> methods)
    : system_(&system),
      proxy_(std::move(proxy)),
      methods_(std::move(methods)) {}

  /// Runs a method of the catalogue: `db.call(create_session{...})`. The
  /// errors are those of docs/protocol.md, "Errors".
  template <method M>
  result<typename M::returns>
  call(M params, const call_options& options = {}) const {
    using returns = typename M::returns;
    auto outcome =
      run(methods_->find(M::spec.name), boxed::of(std::move(params)), options);
    if (!outcome)
      return outcome.error();
    if constexpr (std::is_void_v<returns>)
      return {};
    else
      return outcome->value.template as<returns>();
  }

  /// Runs any write method by name: the catalogue's, the host's or the
  /// dispatcher's. The result as JSON.
  result<boost::json::value> write(
    const std::string& name, const boost::json::value& params,
    const call_options& options = {}) const;

  /// Runs any read method by name.
  result<boost::json::value> read(
    const std::string& name, const boost::json::value& params,
    const call_options& options = {}) const;

  /// A write by name with its result decoded as R.
  template <class R, class P>
  result<R> write_with_result(
    const std::string& name, const P& params,
    const call_options& options = {}) const {
    auto outcome = write(name, encode(params), options);
    if (!outcome)
      return outcome.error();
    return decode<R>(*outcome);
  }

  /// A write by name whose result does not matter, tried again while its error
  /// is retryable: pauses from limits::retry_pause_min, doubling, at least
  /// limits::retry_attempts_min attempts, always within `timeout`. All
  /// attempts carry one request id, so the write takes effect once.
  result<void> write_with_retry(
    const std::string& name, const boost::json::value& params,
    std::chrono::milliseconds timeout) const;

  /// Succeeds at once on a primary; elsewhere, if the primary answers within
  /// limits::probe_timeout. UNREACHABLE if it does not.
  result<void> probe_primary() const;

private:
  result<call_result>
  run(method_ptr entry, boxed params, const call_options& options) const;
  result<boost::json::value> run_named(named_call command) const;

  caf::actor_system* system_;
  proxy_actor proxy_;
  std::shared_ptr<method_set> methods_;
};

} // namespace dbproxy
