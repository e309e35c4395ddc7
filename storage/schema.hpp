// Opening a database: the one function that every connection comes from, the
// pragmas that make it ours, the migrations of the schema, and the epoch.
#pragma once

#include "messages/errors.hpp"
#include "messages/limits.hpp"
#include "storage/sqlite.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace dbproxy {

struct open_options {
  std::string path;
  dbproxy::access access = dbproxy::access::read_write;
  sync_mode sync = sync_mode::full;
  /// How long to wait for others who are opening the database, recovering it
  /// or migrating it.
  std::chrono::milliseconds open_wait = limits::open_wait_max;
  /// Writes through `writing_vfs` (vfs.hpp), not through SQLite's default.
  bool own_vfs = true;
};

/// Opens a connection: WAL, foreign keys on, no automatic checkpoint, no
/// memory map. Read-write creates a file that is not there. Errors are BUSY,
/// or INTERNAL; they name the path and what to do about it.
result<connection> open_connection(const open_options& options);

/// Opens a connection and brings the schema up to date, each migration in a
/// transaction of its own and once, however many processes open at the same
/// moment. Read-only finds fault with an old schema instead. INTERNAL where
/// the schema is newer than this program.
result<connection> open_database(const open_options& options);

/// The version of the schema that the database has; 0 before the first.
result<int> read_schema_version(connection& db);

/// Makes the epoch one more and returns it. Waits for the write lock until
/// the deadline; BUSY after that. `db` is in no transaction.
result<std::int64_t> raise_epoch(connection& db, lock_deadline deadline);

/// The epoch of the last promotion; 0 before the first.
result<std::int64_t> read_epoch(connection& db);

/// The version of the SQLite library that is linked, "3.40.1".
std::string_view sqlite_version() noexcept;

/// False where a checkpoint during a commit can corrupt the database
/// (checkpoint.hpp says what keeps this program from it).
bool has_wal_reset_fix() noexcept;

} // namespace dbproxy
