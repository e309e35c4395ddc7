// The OpenRPC document of the service: everything that a peer may call, with
// the schema of its parameters and results, from the methods registered.
#pragma once

#include "storage/methods.hpp"

#include <boost/json.hpp>

namespace dbproxy {

/// An OpenRPC 1.2.6 document (spec.open-rpc.org). The reads and writes that
/// `db.read` and `db.write` carry are listed under "x-methods".
boost::json::object open_rpc_document(const method_set& methods);

} // namespace dbproxy
