// What this process has used.
#pragma once

#include <cstdint>

namespace dbproxy {

/// User and system time of all threads, also of those that have ended.
double cpu_seconds();

/// The most memory that was resident at any moment; 0 where the kernel does
/// not tell.
std::int64_t peak_rss_bytes();

} // namespace dbproxy
