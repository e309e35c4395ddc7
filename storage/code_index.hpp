// The code index on a connection: its writes laid out, and its search.
#pragma once

#include "messages/code_index.hpp"
#include "messages/errors.hpp"
#include "storage/sqlite.hpp"

#include <functional>
#include <vector>

namespace dbproxy {

/// Lays a valid write out in rows, on any thread, and returns what inserts
/// them. That refers to `params`, and runs inside a transaction of its
/// caller's. CONFLICT where there is no such project or parent.
std::function<result<void>(connection&)> lay_out(const code_index_file& params);

/// CONFLICT where there is no such project.
std::function<result<void>(connection&)>
lay_out(const code_set_project_status& params);
std::function<result<void>(connection&)>
lay_out(const code_update_language_stats& params);

/// See code_search.
result<std::vector<code_hit>>
run_search(connection& db, const code_search& params);

} // namespace dbproxy
