#include "messages/write.hpp"

#include "messages/timestamp.hpp"

namespace dbproxy {

namespace {

std::optional<write_error> check_length(
  std::string_view field, const std::optional<std::string>& text,
  std::size_t bytes_max) {
  if (!text || (!text->empty() && text->size() <= bytes_max))
    return std::nullopt;
  return make_error(
    error_code::invalid_params, "field \"meta." + std::string{field}
                                  + "\" must have 1 to "
                                  + std::to_string(bytes_max) + " bytes, not "
                                  + std::to_string(text->size()));
}

} // namespace

result<void> validate_meta(const write_meta& meta) {
  using namespace limits;
  if (
    auto error = check_length(
      "source_instance_id", meta.source_instance_id, instance_id_bytes_max))
    return *error;
  if (
    auto error =
      check_length("request_id", meta.request_id, request_id_bytes_max))
    return *error;
  if (
    auto error = check_length(
      "settled_request_id", meta.settled_request_id, request_id_bytes_max))
    return *error;
  if (meta.timestamp && !is_rfc3339(*meta.timestamp))
    return make_error(
      error_code::invalid_params,
      "field \"meta.timestamp\" is no RFC 3339 date-time");
  if (
    meta.timeout_ms
    && (*meta.timeout_ms < 1 || *meta.timeout_ms > timeout_max.count()))
    return make_error(
      error_code::invalid_params,
      "field \"meta.timeout_ms\" must be within 1 and "
        + std::to_string(timeout_max.count()));
  if (
    meta.deadline_ms
    && (*meta.deadline_ms < 0 || *meta.deadline_ms > deadline_ms_max))
    return make_error(
      error_code::invalid_params,
      "field \"meta.deadline_ms\" must be within 0 and "
        + std::to_string(deadline_ms_max));
  return {};
}

std::string_view to_string(write_route route) noexcept {
  switch (route) {
  case write_route::local:
    return "local";
  case write_route::direct:
    return "direct";
  case write_route::forwarded:
    return "forwarded";
  }
  return "unknown";
}

} // namespace dbproxy
