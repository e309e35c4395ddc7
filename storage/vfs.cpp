#include "storage/vfs.hpp"

#include "storage/statement_journal.hpp"
#include "storage/wal_gathering.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace dbproxy {

namespace {

/// A copy of the VFS beneath, for that one's functions look into the object
/// that they are called with, and another xOpen.
struct layered_vfs {
  sqlite3_vfs vfs; // first, for SQLite
  sqlite3_vfs* beneath;
  std::string name;
};

int open_file(
  sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags,
  int* out_flags) {
  auto* beneath = reinterpret_cast<layered_vfs*>(vfs)->beneath;
  if ((flags & SQLITE_OPEN_WAL) != 0)
    return open_wal_file(beneath, path, file, flags, out_flags);
  if ((flags & SQLITE_OPEN_SUBJOURNAL) != 0)
    return open_statement_journal(beneath, path, file, flags, out_flags);
  return beneath->xOpen(beneath, path, file, flags, out_flags);
}

std::unique_ptr<layered_vfs> make_vfs(sqlite3_vfs* beneath) {
  auto made = std::make_unique<layered_vfs>();
  made->vfs = *beneath;
  made->beneath = beneath;
  made->name = "dbproxy-" + std::string{beneath->zName};
  made->vfs.zName = made->name.c_str();
  made->vfs.pNext = nullptr;
  auto in_front = std::max(wal_file_bytes(), statement_journal_bytes());
  made->vfs.szOsFile = static_cast<int>(in_front) + beneath->szOsFile;
  made->vfs.xOpen = open_file;
  return made;
}

} // namespace

const char* writing_vfs() noexcept {
  static std::mutex mutex;
  // SQLite keeps pointers to them, so they stay.
  static std::map<sqlite3_vfs*, std::unique_ptr<layered_vfs>> known;
  try {
    const std::lock_guard guard{mutex};
    auto* beneath = sqlite3_vfs_find(nullptr);
    if (beneath == nullptr)
      return nullptr;
    auto& made = known[beneath];
    if (!made) {
      auto fresh = make_vfs(beneath);
      if (sqlite3_vfs_register(&fresh->vfs, 0) != SQLITE_OK)
        return nullptr;
      made = std::move(fresh);
    }
    return made->vfs.zName;
  } catch (const std::exception&) {
    return nullptr;
  }
}

} // namespace dbproxy
