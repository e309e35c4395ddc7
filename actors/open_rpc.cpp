#include "actors/open_rpc.hpp"

#include "messages/errors.hpp"
#include "messages/json_codec.hpp"
#include "messages/write.hpp"

#include <string_view>
#include <utility>

namespace dbproxy {

namespace json = boost::json;

namespace {

/// One RPC method: its params are the members of a struct, by name.
json::object rpc_method(
  std::string_view name, std::string_view summary, const json::object& params,
  json::object returns) {
  json::array list;
  if (const auto* properties = params.if_contains("properties"))
    for (const auto& [key, schema] : properties->as_object()) {
      auto required = false;
      if (const auto* names = params.if_contains("required"))
        for (const auto& one : names->as_array())
          required |= one.as_string() == key;
      list.push_back(json::object{
        {"name", key}, {"required", required}, {"schema", schema}});
    }
  return {
    {"name", name},
    {"summary", summary},
    {"paramStructure", "by-name"},
    {"params", std::move(list)},
    {"result",
     json::object{{"name", "result"}, {"schema", std::move(returns)}}},
    {"errors",
     json::array{json::object{{"$ref", "#/components/errors/WriteError"}}}}};
}

json::array method_list(const method_set& methods) {
  json::array list;
  for (const auto& name : methods.names()) {
    auto entry = methods.find(name);
    json::object item{
      {"name", entry->name},
      {"via", entry->kind == method_kind::write ? "db.write" : "db.read"},
      {"params", entry->params->schema()},
      {"result", entry->returns->schema()}};
    if (!entry->topic.empty())
      item["topic"] = entry->topic;
    list.push_back(std::move(item));
  }
  return list;
}

} // namespace

json::object open_rpc_document(const method_set& methods) {
  const json::object any;
  const json::object none;
  const json::object object{{"type", "object"}};
  json::array rpc{
    rpc_method(
      "db.write", "Runs one write method; x-methods lists them.",
      detail::schema_of<write_request>(), any),
    rpc_method(
      "db.read", "Runs one read method; x-methods lists them.",
      detail::schema_of<read_request>(), any),
    rpc_method("instance.ping", "Is the primary there?", none, object),
    rpc_method("instance.info", "The state of the primary.", none, object),
    rpc_method("instance.metrics", "Counters and latencies.", none, object),
    rpc_method("rpc.discover", "This document.", none, object)};
  json::array codes;
  for (auto code :
       {error_code::timeout, error_code::unreachable,
        error_code::method_not_found, error_code::invalid_params,
        error_code::conflict, error_code::internal, error_code::busy,
        error_code::unavailable})
    codes.push_back(json::object{
      {"code", rpc_number(code)},
      {"name", to_string(code)},
      {"retryable", is_retryable(code)}});
  return {
    {"openrpc", "1.2.6"},
    {"info", json::object{{"title", "dbproxy"}, {"version", DBPROXY_VERSION}}},
    {"methods", std::move(rpc)},
    {"x-methods", method_list(methods)},
    {"x-error-codes", std::move(codes)},
    {"components",
     json::object{
       {"errors", json::object{
                    {"WriteError", json::object{
                                     {"code", rpc_number(error_code::internal)},
                                     {"message", "see x-error-codes"}}}}}}}};
}

} // namespace dbproxy
