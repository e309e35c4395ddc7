#include "storage/methods.hpp"

#include "messages/catalogue.hpp"
#include "storage/code_index.hpp"
#include "storage/knowledge_base.hpp"
#include "storage/memory_events.hpp"
#include "storage/sql_text.hpp"

#include <boost/assert.hpp>

#include <exception>
#include <mutex>

namespace dbproxy {

namespace {

/// Calls `run` and makes every way to fail an error that names the method.
template <class F>
result<boxed> run_guarded(const std::string& method, F&& run) {
  auto fail = [&](write_error error) {
    error.method = method;
    return error;
  };
  try {
    auto value = run();
    if (!value)
      return fail(value.error());
    return value;
  } catch (const write_failure& failure) {
    return fail(failure.error());
  } catch (const std::exception& exception) {
    return fail(make_error(
      error_code::internal,
      std::string{"the method threw: "} + exception.what()));
  } catch (...) {
    return fail(make_error(error_code::internal, "the method threw"));
  }
}

/// A write is checked when it is prepared, a read when it is run.
method_entry guarded(method_entry entry) {
  auto validate =
    entry.kind == method_kind::read ? entry.params->validate : nullptr;
  entry.run = [name = entry.name, validate, run = std::move(entry.run)](
                connection& db, const boxed& params) {
    return run_guarded(name, [&]() -> result<boxed> {
      if (validate != nullptr)
        if (auto valid = validate(params); !valid)
          return valid.error();
      return run(db, params);
    });
  };
  if (entry.lay_out)
    entry.lay_out = [name = entry.name, lay_out = std::move(entry.lay_out)](
                      const boxed& params) -> write_body {
      return [name, body = lay_out(params)](connection& db) {
        return run_guarded(name, [&] { return body(db); });
      };
    };
  return entry;
}

template <method M>
method_entry catalogue_entry() {
  using returns = typename M::returns;
  if constexpr (requires(const M& params) { lay_out(params); }) {
    return detail::make_laid_out_entry<M, returns>(M::spec);
  } else if constexpr (requires(connection & db, const M& params) {
                         run_search(db, params);
                       }) {
    return detail::make_entry<M, returns>(
      M::spec,
      [](connection& db, const M& params) { return run_search(db, params); });
  } else {
    auto sql = find_section(M::spec.name);
    BOOST_ASSERT_MSG(!sql.empty(), "a method of the catalogue without SQL");
    return detail::make_entry<M, returns>(
      M::spec, detail::sql_function<M, returns>(sql));
  }
}

} // namespace

method_set::method_set() {
  for_each_method([this](auto identity) {
    using method_type = typename decltype(identity)::type;
    auto entry = guarded(catalogue_entry<method_type>());
    auto name = entry.name;
    methods_.emplace(
      std::move(name), std::make_shared<const method_entry>(std::move(entry)));
  });
}

method_ptr method_set::find(std::string_view name) const {
  std::shared_lock guard{mutex_};
  auto found = methods_.find(name);
  return found == methods_.end() ? nullptr : found->second;
}

result<method_ptr>
method_set::find(std::string_view name, method_kind kind) const {
  auto found = find(name);
  if (found != nullptr && found->kind == kind)
    return found;
  std::string_view wanted = kind == method_kind::write ? "write" : "read";
  return make_error(
    error_code::method_not_found,
    "there is no " + std::string{wanted} + " method of that name", name);
}

std::vector<std::string> method_set::names() const {
  std::shared_lock guard{mutex_};
  std::vector<std::string> names;
  names.reserve(methods_.size());
  for (const auto& [name, entry] : methods_)
    names.push_back(name);
  return names;
}

result<void> method_set::add(method_entry entry) {
  if (entry.name.empty())
    return make_error(error_code::invalid_params, "a method needs a name");
  auto shared = std::make_shared<const method_entry>(guarded(std::move(entry)));
  std::unique_lock guard{mutex_};
  if (methods_.contains(shared->name))
    return make_error(
      error_code::conflict, "there is a method of that name", shared->name);
  if (host_methods_ == limits::host_methods_max)
    return make_error(
      error_code::invalid_params,
      "no more than host_methods_max = "
        + std::to_string(limits::host_methods_max) + " methods can be added",
      shared->name);
  methods_.emplace(shared->name, shared);
  ++host_methods_;
  return {};
}

result<write_ptr> prepare(method_ptr method, boxed params, write_ids ids) {
  BOOST_ASSERT(method != nullptr && method->kind == method_kind::write);
  const auto& codec = *method->params;
  if (auto valid = codec.validate(params); !valid) {
    auto error = valid.error();
    error.method = method->name;
    return error;
  }
  auto write = std::make_shared<prepared_write>();
  write->method = method->name;
  write->topic = method->topic;
  write->key = codec.key(params);
  write->source_instance_id = std::move(ids.source_instance_id);
  write->request_id = std::move(ids.request_id);
  write->settled_request_id = std::move(ids.settled_request_id);
  write->fingerprint =
    write_fingerprint(method->name, codec.fingerprint(params));
  write->params_codec = method->params;
  write->returns = method->returns;
  write->timeout = method->timeout;
  write->bytes = codec.bytes(params);
  write->params = params;
  if (method->lay_out)
    write->body = method->lay_out(params);
  else
    write->body = [method = std::move(method), params = std::move(params)](
                    connection& db) { return method->run(db, params); };
  return write_ptr{std::move(write)};
}

} // namespace dbproxy
