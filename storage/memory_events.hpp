// Remembered events on a connection: their writes laid out, and their search.
#pragma once

#include "messages/errors.hpp"
#include "messages/memory_events.hpp"
#include "storage/sqlite.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace dbproxy {

/// Lays a valid write out in rows, on any thread, and returns what inserts
/// them. That refers to `params`, and runs inside a transaction of its
/// caller's.
std::function<result<std::int64_t>(connection&)>
lay_out(const save_event& params);
std::function<result<void>(connection&)>
lay_out(const replace_session_events& params);

/// See events_search.
result<std::vector<memory_event_hit>>
run_search(connection& db, const events_search& params);

} // namespace dbproxy
