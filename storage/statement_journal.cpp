#include "storage/statement_journal.hpp"

#include "messages/limits.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace dbproxy {

namespace {

/// SQLite's file object: this in front, room for that of the VFS beneath
/// behind it, which is opened when the memory is full.
class journal_file {
public:
  journal_file(
    const sqlite3_io_methods& methods, sqlite3_vfs* beneath,
    sqlite3_filename path, int flags) noexcept
    : base_{&methods},
      beneath_(beneath),
      path_(path),
      flags_(flags) {}

  static journal_file& of(sqlite3_file* file) noexcept {
    return *reinterpret_cast<journal_file*>(file);
  }

  int close() noexcept {
    return in_file_ ? methods().xClose(real()) : SQLITE_OK;
  }

  int read(void* to, int count, sqlite3_int64 offset) {
    if (in_file_)
      return methods().xRead(real(), to, count, offset);
    auto wanted = static_cast<std::size_t>(count);
    auto from = std::min(static_cast<std::size_t>(offset), bytes_.size());
    auto there = std::min(wanted, bytes_.size() - from);
    std::copy_n(bytes_.data() + from, there, static_cast<unsigned char*>(to));
    if (there == wanted)
      return SQLITE_OK;
    // What is missing reads as zero (sqlite.org/c3ref/io_methods.html).
    std::memset(static_cast<unsigned char*>(to) + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
  }

  int write(const void* from, int count, sqlite3_int64 offset) {
    auto at = static_cast<std::size_t>(offset);
    auto end = at + static_cast<std::size_t>(count);
    if (!in_file_ && !make_room(end))
      if (auto code = move_to_file(); code != SQLITE_OK)
        return code;
    if (in_file_)
      return methods().xWrite(real(), from, count, offset);
    bytes_.resize(std::max(bytes_.size(), end));
    std::copy_n(
      static_cast<const unsigned char*>(from), count, bytes_.data() + at);
    return SQLITE_OK;
  }

  int truncate(sqlite3_int64 size) {
    if (in_file_)
      return methods().xTruncate(real(), size);
    bytes_.resize(std::min(bytes_.size(), static_cast<std::size_t>(size)));
    return SQLITE_OK;
  }

  int sync(int flags) {
    return in_file_ ? methods().xSync(real(), flags) : SQLITE_OK;
  }

  int size(sqlite3_int64* out) {
    if (in_file_)
      return methods().xFileSize(real(), out);
    *out = static_cast<sqlite3_int64>(bytes_.size());
    return SQLITE_OK;
  }

private:
  sqlite3_file* real() noexcept {
    return reinterpret_cast<sqlite3_file*>(this + 1);
  }

  const sqlite3_io_methods& methods() noexcept { return *real()->pMethods; }

  /// False where memory is not to hold so many bytes, or cannot.
  bool make_room(std::size_t size) noexcept {
    if (size > limits::statement_journal_bytes_max)
      return false;
    if (size <= bytes_.capacity())
      return true;
    try {
      bytes_.reserve(std::min(2 * size, limits::statement_journal_bytes_max));
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  int move_to_file() {
    auto code = beneath_->xOpen(beneath_, path_, real(), flags_, nullptr);
    if (code == SQLITE_OK)
      code = copy_to_file();
    if (code != SQLITE_OK) {
      if (real()->pMethods != nullptr)
        methods().xClose(real());
      return code;
    }
    in_file_ = true;
    bytes_ = {};
    return SQLITE_OK;
  }

  int copy_to_file() {
    for (std::size_t at = 0; at < bytes_.size();) {
      auto count = std::min(bytes_.size() - at, limits::vfs_write_bytes_max);
      auto code = methods().xWrite(
        real(), bytes_.data() + at, static_cast<int>(count),
        static_cast<sqlite3_int64>(at));
      if (code != SQLITE_OK)
        return code;
      at += count;
    }
    return SQLITE_OK;
  }

  sqlite3_file base_; // first, for SQLite
  sqlite3_vfs* beneath_;
  sqlite3_filename path_;
  int flags_;
  bool in_file_ = false;
  std::vector<unsigned char> bytes_;
};

static_assert(
  sizeof(journal_file) % alignof(sqlite3_int64) == 0,
  "what is behind it must be aligned as SQLite's own file objects are");

int close_file(sqlite3_file* file) {
  auto& self = journal_file::of(file);
  auto code = self.close();
  self.~journal_file();
  return code;
}

int read_file(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
  return journal_file::of(file).read(to, count, offset);
}

int write_file(
  sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
  return journal_file::of(file).write(from, count, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  return journal_file::of(file).truncate(size);
}

int sync_file(sqlite3_file* file, int flags) {
  return journal_file::of(file).sync(flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return journal_file::of(file).size(size);
}

// A statement journal is its connection's alone.
int lock_file(sqlite3_file*, int) {
  return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file*, int* out) {
  *out = 0;
  return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}

int sector_size(sqlite3_file*) {
  return 0; // SQLite's own
}

int device_characteristics(sqlite3_file*) {
  return 0;
}

constexpr sqlite3_io_methods journal_methods = {
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

} // namespace

std::size_t statement_journal_bytes() noexcept {
  return sizeof(journal_file);
}

int open_statement_journal(
  sqlite3_vfs* beneath, const char* path, sqlite3_file* file, int flags,
  int* out_flags) {
  new (file) journal_file{journal_methods, beneath, path, flags};
  if (out_flags != nullptr)
    *out_flags = flags;
  return SQLITE_OK;
}

} // namespace dbproxy
