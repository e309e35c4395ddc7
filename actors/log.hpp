// The log: spdlog's logger "dbproxy". A host application may register one of
// that name before it starts an instance; else it is standard error, warnings
// and worse.
#pragma once

#include <spdlog/logger.h>

namespace dbproxy {

/// Any thread.
spdlog::logger& log();

} // namespace dbproxy
