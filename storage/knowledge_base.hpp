// The knowledge base on a connection: its writes laid out, and its search.
#pragma once

#include "messages/errors.hpp"
#include "messages/knowledge_base.hpp"
#include "storage/sqlite.hpp"

#include <functional>
#include <vector>

namespace dbproxy {

/// Lays a valid write out in rows, on any thread, and returns what inserts
/// them. That refers to `params`, and runs inside a transaction of its
/// caller's. CONFLICT where the path is there already.
std::function<result<void>(connection&)> lay_out(const kb_add_document& params);

/// As for kb_add_document; a document of that path gives way.
std::function<result<void>(connection&)>
lay_out(const kb_update_document& params);

/// See kb_search.
result<std::vector<kb_hit>> run_search(connection& db, const kb_search& params);

} // namespace dbproxy
