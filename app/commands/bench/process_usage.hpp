// What processes have used.
#pragma once

#include <cstdint>
#include <string_view>

namespace dbproxy {

/// User and system time of all threads, also of those that have ended.
double cpu_seconds();

/// The same of another process of this machine; 0 if it is not called `name`.
double cpu_seconds_of(int pid, std::string_view name);

/// The most memory of this process that was resident at any moment; 0 where the
/// kernel does not tell.
std::int64_t peak_rss_bytes();

} // namespace dbproxy
