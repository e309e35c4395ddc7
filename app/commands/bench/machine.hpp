// On what a bench ran.
#pragma once

#include <boost/json.hpp>

namespace dbproxy {

/// {"cpu", "cpus", "memory_bytes", "kernel", "dbproxy"}; null where
/// the system does not tell.
boost::json::object describe_machine();

} // namespace dbproxy
