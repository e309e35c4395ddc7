// A SQLite VFS that writes the pages of a commit with few system calls.
#pragma once

struct sqlite3;

namespace dbproxy {

/// SQLite writes each page of a commit to the WAL as two writes, header and
/// page (sqlite.org/fileformat2.html, "WAL File Format"). With this VFS a
/// connection can gather those that follow each other: see commit_gathering.
/// Everything else, all other files included, is left to the VFS that is
/// SQLite's default at the moment.
///
/// Returns a name for sqlite3_open_v2; null, which stands for the default,
/// where there is none or memory is short. Any thread.
const char* wal_gathering_vfs() noexcept;

/// For the time of one COMMIT: what the connection appends to its WAL is
/// passed on as one write, with the header that marks the commit, and before
/// every sync, read, truncation or question for the size, and past
/// limits::gathered_wal_bytes_max. So it is in the file before SQLite
/// publishes the commit or calls it durable, and an error is reported by a
/// call that makes the commit fail. What is left then is forgotten at the end,
/// for it belongs to no commit, and others may write in its place.
///
/// Has no effect where the connection was opened with another VFS. The thread
/// of the connection.
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
