// Statement journals that stay in memory.
#pragma once

#include "storage/vfs_file.hpp"

#include <memory>

struct sqlite3_vfs;

namespace dbproxy {

/// A statement journal has the pages as they were before a savepoint
/// (sqlite.org/tempfiles.html, "Statement Journal Files"), here the savepoint
/// of each write of a batch. SQLite opens a file for it, and uses that for the
/// rest of the transaction, when one write has changed more than 64 KiB of
/// pages. This one stays in memory up to limits::statement_journal_bytes_max,
/// and then, or where memory is short, goes to a file that it opens in
/// `beneath` with `flags`, as `file`. Throws std::bad_alloc.
std::unique_ptr<vfs_file>
make_statement_journal(sqlite3_vfs* beneath, int flags, sqlite3_file* file);

} // namespace dbproxy
