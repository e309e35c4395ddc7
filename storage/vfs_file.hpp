// A file that our VFS (vfs.hpp) serves in a way of its own.
#pragma once

#include <cstdint>

struct sqlite3_file;

namespace dbproxy {

/// What SQLite asks of a file, in its result codes
/// (sqlite.org/c3ref/io_methods.html). As it is here, all goes to the file of
/// the VFS beneath. The thread of the connection.
class vfs_file {
public:
  /// `beneath` outlives this. It is open, or will be when it is passed on to.
  explicit vfs_file(sqlite3_file* beneath) noexcept : beneath_(beneath) {}
  virtual ~vfs_file() = default;

  vfs_file(const vfs_file&) = delete;
  vfs_file& operator=(const vfs_file&) = delete;

  virtual int read(void* to, int count, std::int64_t offset);
  virtual int write(const void* from, int count, std::int64_t offset);
  virtual int truncate(std::int64_t size);
  virtual int sync(int flags);
  virtual int size(std::int64_t& out);

protected:
  sqlite3_file* beneath() const noexcept { return beneath_; }

private:
  sqlite3_file* beneath_;
};

} // namespace dbproxy
