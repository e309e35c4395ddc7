// The SQLite VFS of the connections that write.
#pragma once

struct sqlite3_file;

namespace dbproxy {

class vfs_file;

/// The VFS that is SQLite's default at the moment, but for the two kinds of
/// file that writing touches most: WALs (wal_gathering.hpp) and statement
/// journals (statement_journal.hpp).
///
/// Returns a name for sqlite3_open_v2; null, which stands for the default,
/// where there is none or memory is short. Any thread.
const char* writing_vfs() noexcept;

/// What serves a file that SQLite has open; null where that is not our VFS.
vfs_file* served_by(sqlite3_file* file) noexcept;

} // namespace dbproxy
