#include "storage/vfs.hpp"

#include "storage/statement_journal.hpp"
#include "storage/vfs_file.hpp"
#include "storage/wal_gathering.hpp"

#include <sqlite3.h>

#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>

namespace dbproxy {

namespace {

// -- files -------------------------------------------------------------------

/// SQLite's file object; that of the VFS beneath is behind it.
struct served_file {
  sqlite3_file base; // first, for SQLite
  vfs_file* by;

  static served_file& of(sqlite3_file* file) noexcept {
    return *reinterpret_cast<served_file*>(file);
  }

  sqlite3_file* beneath() noexcept {
    return reinterpret_cast<sqlite3_file*>(this + 1);
  }

  /// Null where the file beneath is not open.
  const sqlite3_io_methods* methods() noexcept { return beneath()->pMethods; }
};

static_assert(
  sizeof(served_file) % alignof(sqlite3_int64) == 0,
  "what is behind it must be aligned as SQLite's own file objects are");

vfs_file& server_of(sqlite3_file* file) noexcept {
  return *served_file::of(file).by;
}

int close_file(sqlite3_file* file) {
  auto& self = served_file::of(file);
  delete self.by;
  auto* methods = self.methods();
  return methods == nullptr ? SQLITE_OK : methods->xClose(self.beneath());
}

int read_file(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
  return server_of(file).read(to, count, offset);
}

int write_file(
  sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
  return server_of(file).write(from, count, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  return server_of(file).truncate(size);
}

int sync_file(sqlite3_file* file, int flags) {
  return server_of(file).sync(flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* out) {
  std::int64_t size = 0;
  auto code = server_of(file).size(size);
  *out = size;
  return code;
}

// SQLite locks neither kind of file.

int lock_file(sqlite3_file*, int) {
  return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file*, int* out) {
  *out = 0;
  return SQLITE_OK;
}

int file_control(sqlite3_file* file, int operation, void* argument) {
  auto& self = served_file::of(file);
  auto* methods = self.methods();
  return methods == nullptr
           ? SQLITE_NOTFOUND
           : methods->xFileControl(self.beneath(), operation, argument);
}

int sector_size(sqlite3_file* file) {
  auto& self = served_file::of(file);
  auto* methods = self.methods();
  return methods == nullptr ? 0 : methods->xSectorSize(self.beneath());
}

int device_characteristics(sqlite3_file* file) {
  auto& self = served_file::of(file);
  auto* methods = self.methods();
  return methods == nullptr ? 0
                            : methods->xDeviceCharacteristics(self.beneath());
}

// Version 1: none of these files is mapped or has shared memory.
constexpr sqlite3_io_methods served_methods = {
  1,
  close_file,
  read_file,
  write_file,
  truncate_file,
  sync_file,
  file_size,
  lock_file,
  lock_file,
  check_reserved_lock,
  file_control,
  sector_size,
  device_characteristics,
  nullptr,
  nullptr,
  nullptr,
  nullptr,
  nullptr,
  nullptr};

// -- the VFS -----------------------------------------------------------------

/// A copy of the VFS beneath, for that one's functions look into the object
/// that they are called with, and another xOpen.
struct layered_vfs {
  sqlite3_vfs vfs; // first, for SQLite
  sqlite3_vfs* beneath;
  std::string name;
};

int open_served(
  sqlite3_vfs* beneath, sqlite3_filename path, served_file& file, int flags,
  int* out_flags) {
  file.beneath()->pMethods = nullptr;
  const bool is_wal = (flags & SQLITE_OPEN_WAL) != 0;
  if (is_wal) {
    auto* real = file.beneath();
    auto code = beneath->xOpen(beneath, path, real, flags, out_flags);
    if (code != SQLITE_OK) {
      if (file.methods() != nullptr)
        file.methods()->xClose(real);
      return code;
    }
  } else if (out_flags != nullptr)
    *out_flags = flags;
  try {
    auto by = is_wal ? make_wal_file(file.beneath())
                     : make_statement_journal(beneath, flags, file.beneath());
    file.by = by.release();
  } catch (const std::bad_alloc&) {
    if (file.methods() != nullptr)
      file.methods()->xClose(file.beneath());
    return SQLITE_NOMEM;
  }
  file.base.pMethods = &served_methods;
  return SQLITE_OK;
}

int open_file(
  sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags,
  int* out_flags) {
  auto* beneath = reinterpret_cast<layered_vfs*>(vfs)->beneath;
  if ((flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_SUBJOURNAL)) == 0)
    return beneath->xOpen(beneath, path, file, flags, out_flags);
  file->pMethods = nullptr; // until there is something to close
  return open_served(beneath, path, served_file::of(file), flags, out_flags);
}

std::unique_ptr<layered_vfs> make_vfs(sqlite3_vfs* beneath) {
  auto made = std::make_unique<layered_vfs>();
  made->vfs = *beneath;
  made->beneath = beneath;
  made->name = "dbproxy-" + std::string{beneath->zName};
  made->vfs.zName = made->name.c_str();
  made->vfs.pNext = nullptr;
  made->vfs.szOsFile =
    static_cast<int>(sizeof(served_file)) + beneath->szOsFile;
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

vfs_file* served_by(sqlite3_file* file) noexcept {
  return file != nullptr && file->pMethods == &served_methods ? &server_of(file)
                                                              : nullptr;
}

} // namespace dbproxy
