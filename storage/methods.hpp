// The methods that can be run on a connection: the whole catalogue, and those
// that a host application adds. A prepared write is made from one of them.
#pragma once

#include "messages/boxed.hpp"
#include "messages/limits.hpp"
#include "messages/method.hpp"
#include "storage/prepared_write.hpp"
#include "storage/script.hpp"

#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dbproxy {

/// A method on a connection. Immutable once it is in a set; any thread.
struct method_entry {
  std::string name;
  method_kind kind = method_kind::read;
  std::string topic;
  timeout_class timeout = timeout_class::standard;
  const value_codec* params = nullptr;
  const value_codec* returns = nullptr;
  /// Runs on the connection's thread. Errors name the method.
  std::function<result<boxed>(connection&, const boxed& params)> run;
  /// Prepared by the remembrances dispatcher.
  bool dispatched = false;
  /// Does beforehand what needs no connection and returns the rest of `run`;
  /// null where there is nothing to do beforehand. Any thread.
  std::function<write_body(const boxed& params)> lay_out;
};

using method_ptr = std::shared_ptr<const method_entry>;

/// What a host's function looks like. It may throw: that is INTERNAL. That of
/// a write runs inside a transaction that it must not end.
template <class P, class R>
using method_function = std::function<result<R>(connection&, const P&)>;

namespace detail {

/// `value` in a box, or an empty box for void.
template <class R>
result<boxed> box(result<R> value) {
  if (!value)
    return value.error();
  if constexpr (std::is_void_v<R>)
    return boxed{};
  else
    return boxed::of(std::move(*value));
}

template <class P, class R>
method_entry make_entry(const method_spec& spec, method_function<P, R> run) {
  return {
    std::string{spec.name},
    spec.kind,
    std::string{spec.topic},
    spec.timeout,
    &codec_for<P>(),
    &codec_for<R>(),
    [run = std::move(run)](connection& db, const boxed& params) {
      return box<R>(run(db, params.as<P>()));
    },
    spec.dispatched,
    {}};
}

/// The entry of a write whose `lay_out` does what needs no connection.
template <class P, class R>
method_entry make_laid_out_entry(const method_spec& spec) {
  auto entry = make_entry<P, R>(
    spec, [](connection& db, const P& params) { return lay_out(params)(db); });
  entry.lay_out = [](const boxed& params) -> write_body {
    // What lay_out returns refers to the parameters.
    return [params, body = lay_out(params.as<P>())](connection& db) {
      return box<R>(body(db));
    };
  };
  return entry;
}

template <class P, class R>
method_function<P, R> sql_function(std::string_view sql) {
  return [text = script{sql}](connection& db, const P& params) {
    return run_script<R>(db, text, params);
  };
}

/// A function as it is; a text as the SQL of `run_script`.
template <class P, class R, class F>
method_function<P, R> to_function(F&& run) {
  if constexpr (std::is_convertible_v<F, std::string_view>)
    return sql_function<P, R>(run);
  else
    return std::forward<F>(run);
}

} // namespace detail

/// The methods by name. Any thread; entries stay valid while they are held.
class method_set {
public:
  /// Starts with every method of the catalogue.
  method_set();

  /// METHOD_NOT_FOUND where no method of that kind has that name.
  result<method_ptr> find(std::string_view name, method_kind kind) const;

  /// The method of that name, of whatever kind; null if there is none.
  method_ptr find(std::string_view name) const;

  /// All names, in alphabetical order.
  std::vector<std::string> names() const;

  /// Adds a write of the host: `run` is a function `result<R>(connection&,
  /// const P&)` or a SQL text whose parameters are the members of P. P is a
  /// described struct; R is void, a described struct, a scalar, an optional
  /// or a vector of these. CONFLICT where the name is taken, INVALID_PARAMS
  /// where it is empty or past limits::host_methods_max.
  template <described P, class R, class F>
  result<void> add_write(
    std::string_view name, std::string_view topic, timeout_class timeout,
    F&& run) {
    return add(detail::make_entry<P, R>(
      write_method(name, topic, timeout),
      detail::to_function<P, R>(std::forward<F>(run))));
  }

  /// Adds a read of the host, as `add_write`. It runs on connections that can
  /// only read.
  template <described P, class R, class F>
  result<void> add_read(std::string_view name, F&& run) {
    return add(detail::make_entry<P, R>(
      read_method(name), detail::to_function<P, R>(std::forward<F>(run))));
  }

private:
  result<void> add(method_entry entry);

  mutable std::shared_mutex mutex_;
  std::map<std::string, method_ptr, std::less<>> methods_;
  std::size_t host_methods_ = 0;
};

/// What `prepare` needs to know of a write besides method and parameters.
struct write_ids {
  std::string source_instance_id;
  std::optional<std::string> request_id;
  std::optional<std::string> settled_request_id;
};

/// Makes a write of a method and parameters of its type. INVALID_PARAMS where
/// the parameters could not have come from JSON. `method` is a write. Any
/// thread.
result<write_ptr> prepare(method_ptr method, boxed params, write_ids ids);

} // namespace dbproxy
