// Whether a database is sound, and how large it is: what the commands `check`
// and `status` print.
#pragma once

#include "messages/described.hpp"
#include "messages/errors.hpp"
#include "storage/sqlite.hpp"
#include "storage/wal_readers.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dbproxy {

/// Every fault found, in words; empty for a sound database. Looks at SQLite's
/// own structures, foreign keys, full-text indexes, the counts that triggers
/// keep, and the journal; at most 100 faults of each kind. `db` can write,
/// because SQLite checks a full-text index by a statement that takes the write
/// lock, and is in no transaction. Errors: where a check could not be made;
/// BUSY where a lock was not had within the connection's lock wait.
result<std::vector<std::string>> find_faults(connection& db);

/// Sizes of a database. Pages are of `page_bytes` bytes.
struct storage_status {
  std::string sqlite_version;
  bool has_wal_reset_fix = false;
  std::int64_t schema_version = 0;
  std::int64_t epoch = 0;
  std::int64_t journal_entries = 0;
  std::int64_t database_bytes = 0;
  std::int64_t wal_bytes = 0;
  std::int64_t page_bytes = 0;
  std::int64_t pages = 0;
  std::int64_t free_pages = 0;
  std::vector<wal_reader> readers; ///< at this moment
};
BOOST_DESCRIBE_STRUCT(
  storage_status, (),
  (sqlite_version, has_wal_reset_fix, schema_version, epoch, journal_entries,
   database_bytes, wal_bytes, page_bytes, pages, free_pages, readers))

/// The sizes of the database that `db` is open on. Cheap enough to be asked
/// every second.
result<storage_status> read_status(connection& db);

} // namespace dbproxy
