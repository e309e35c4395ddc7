// Points in time as the protocol writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dbproxy {

/// The present time in UTC as RFC 3339 with milliseconds,
/// "2026-01-31T12:00:00.000Z".
std::string rfc3339_now();

/// True if `text` is a date-time of RFC 3339, section 5.6.
bool is_rfc3339(std::string_view text);

/// The Unix seconds of a date-time of RFC 3339, without the fraction; nothing
/// if `text` is none, or of a day that its month does not have.
std::optional<std::int64_t> unix_seconds_of(std::string_view text);

} // namespace dbproxy
