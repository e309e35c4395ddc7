// WAL files that are written with few system calls.
#pragma once

#include "storage/vfs_file.hpp"

#include <memory>

struct sqlite3;

namespace dbproxy {

/// SQLite writes each page of a commit to the WAL as two writes, header and
/// page (sqlite.org/fileformat2.html, "WAL File Format"). This file can gather
/// those that follow each other: see commit_gathering. `beneath` is open.
/// Throws std::bad_alloc.
std::unique_ptr<vfs_file> make_wal_file(sqlite3_file* beneath);

/// For the time of one COMMIT: what the connection appends to its WAL is
/// passed on as one write, with the header that marks the commit, and before
/// every sync, read, truncation or question for the size, and past
/// limits::gathered_wal_bytes_max. So it is in the file before SQLite
/// publishes the commit or calls it durable, and an error is reported by a
/// call that makes the commit fail. What is left then is forgotten at the end,
/// for it belongs to no commit, and others may write in its place.
///
/// Has no effect where the connection was opened with another VFS than ours
/// (vfs.hpp). The thread of the connection.
class commit_gathering {
public:
  explicit commit_gathering(sqlite3* db) noexcept;
  commit_gathering(const commit_gathering&) = delete;
  commit_gathering& operator=(const commit_gathering&) = delete;
  ~commit_gathering();

private:
  class gathering_file* wal_; // null where there is nothing to gather
};

} // namespace dbproxy
