// Who reads a database at the moment, and so may keep a checkpoint from
// copying the whole WAL.
#pragma once

#include "messages/described.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dbproxy {

/// A process in a read transaction.
struct wal_reader {
  std::int64_t pid = 0;
  std::string program; ///< empty where the system does not tell
};
BOOST_DESCRIBE_STRUCT(wal_reader, (), (pid, program))

/// The processes that hold a read mark of the WAL of `database`, each once.
/// Looks into /proc/locks, and not at the file: to close it would give up the
/// locks that SQLite holds in this process (fcntl(2), "Advisory record
/// locking"). Empty where there is no such file, or nobody reads.
std::vector<wal_reader> find_wal_readers(const std::filesystem::path& database);

} // namespace dbproxy
