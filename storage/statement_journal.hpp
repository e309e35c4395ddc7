// Statement journals that stay in memory.
#pragma once

#include <cstddef>

struct sqlite3_file;
struct sqlite3_vfs;

namespace dbproxy {

/// A statement journal has the pages as they were before a savepoint
/// (sqlite.org/tempfiles.html, "Statement Journal Files"), here the savepoint
/// of each write of a batch. SQLite opens a file for it, and uses that for the
/// rest of the transaction, when one write has changed more than 64 KiB of
/// pages; this one stays in memory up to limits::statement_journal_bytes_max,
/// and then, or where memory is short, goes to a file of the VFS beneath.
///
/// For the xOpen of a VFS; `file` has room for statement_journal_bytes() and
/// the file object of the VFS beneath.
int open_statement_journal(
  sqlite3_vfs* beneath, const char* path, sqlite3_file* file, int flags,
  int* out_flags);

std::size_t statement_journal_bytes() noexcept;

} // namespace dbproxy
