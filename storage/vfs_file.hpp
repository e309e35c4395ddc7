// A file that our VFS (vfs.hpp) serves in a way of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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
  /// Makes room in a buffer for `size` bytes; false where that is more than
  /// `max`, or there is no memory.
  static bool make_room(
    std::vector<unsigned char>& buffer, std::size_t size,
    std::size_t max) noexcept;

  sqlite3_file* beneath() const noexcept { return beneath_; }

private:
  sqlite3_file* beneath_;
};

} // namespace dbproxy
