#include "storage/vfs_file.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <new>

namespace dbproxy {

int vfs_file::read(void* to, int count, std::int64_t offset) {
  return beneath_->pMethods->xRead(beneath_, to, count, offset);
}

int vfs_file::write(const void* from, int count, std::int64_t offset) {
  return beneath_->pMethods->xWrite(beneath_, from, count, offset);
}

int vfs_file::truncate(std::int64_t size) {
  return beneath_->pMethods->xTruncate(beneath_, size);
}

int vfs_file::sync(int flags) {
  return beneath_->pMethods->xSync(beneath_, flags);
}

int vfs_file::size(std::int64_t& out) {
  sqlite3_int64 size = 0;
  auto code = beneath_->pMethods->xFileSize(beneath_, &size);
  out = size;
  return code;
}

bool vfs_file::make_room(
  std::vector<unsigned char>& buffer, std::size_t size,
  std::size_t max) noexcept {
  if (size > max)
    return false;
  if (size <= buffer.capacity())
    return true;
  try {
    buffer.reserve(std::min(2 * size, max));
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

} // namespace dbproxy
