#include "storage/wal_gathering.hpp"

#include "messages/limits.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <vector>

namespace dbproxy {

namespace {

// sqlite.org/fileformat2.html, "WAL File Format".
constexpr int wal_header_bytes = 32;
constexpr int frame_header_bytes = 24;

/// True for the header of a frame that ends a transaction: it tells the size of
/// the database after the commit, big-endian at offset 4; others have 0 there.
bool ends_transaction(const unsigned char* frame_header) noexcept {
  return std::any_of(
    frame_header + 4, frame_header + 8, [](unsigned char b) { return b != 0; });
}

} // namespace

// -- the file ----------------------------------------------------------------

/// SQLite's file object: this in front, that of the VFS beneath behind it.
class gathering_file {
public:
  explicit gathering_file(const sqlite3_io_methods& methods) noexcept
    : base_{&methods} {}

  static gathering_file& of(sqlite3_file* file) noexcept {
    return *reinterpret_cast<gathering_file*>(file);
  }

  sqlite3_file* real() noexcept {
    return reinterpret_cast<sqlite3_file*>(this + 1);
  }

  const sqlite3_io_methods& beneath() noexcept { return *real()->pMethods; }

  void begin_gathering() noexcept { is_gathering_ = true; }

  void end_gathering() noexcept {
    is_gathering_ = false;
    gathered_.clear();
  }

  int write(const void* from, int count, sqlite3_int64 offset) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    const bool is_header =
      count == frame_header_bytes && offset >= wal_header_bytes;
    const bool is_page =
      !is_header && !gathered_.empty() && offset == gathered_to();
    const bool is_kept =
      is_gathering_ && (is_header || is_page) && has_room(count);
    if (!is_kept || offset != gathered_to())
      if (auto code = pass_on(); code != SQLITE_OK)
        return code;
    if (!is_kept)
      return beneath().xWrite(real(), from, count, offset);
    if (gathered_.empty())
      start_ = offset;
    gathered_.insert(gathered_.end(), bytes, bytes + count);
    return is_header && ends_transaction(bytes) ? pass_on() : SQLITE_OK;
  }

  /// Writes what was gathered. Where that fails it is kept: nothing that
  /// comes after it may be in the file without it.
  int pass_on() {
    if (gathered_.empty())
      return SQLITE_OK;
    auto code = beneath().xWrite(
      real(), gathered_.data(), static_cast<int>(gathered_.size()), start_);
    if (code == SQLITE_OK)
      gathered_.clear();
    return code;
  }

private:
  /// Where in the file the next byte belongs.
  sqlite3_int64 gathered_to() const noexcept {
    return start_ + static_cast<sqlite3_int64>(gathered_.size());
  }

  /// Makes room for so many bytes more; false where there is none.
  bool has_room(int count) noexcept {
    auto size = gathered_.size() + static_cast<std::size_t>(count);
    if (size > limits::gathered_wal_bytes_max)
      return false;
    if (size <= gathered_.capacity())
      return true;
    try {
      gathered_.reserve(std::min(2 * size, limits::gathered_wal_bytes_max));
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  sqlite3_file base_; // first, for SQLite
  std::vector<unsigned char> gathered_;
  sqlite3_int64 start_ = 0; ///< of what is gathered, in the file
  bool is_gathering_ = false;
};

static_assert(
  sizeof(gathering_file) % alignof(sqlite3_int64) == 0,
  "what is behind it must be aligned as SQLite's own file objects are");

namespace {

int close_file(sqlite3_file* file) {
  auto& self = gathering_file::of(file);
  auto code = self.beneath().xClose(self.real());
  self.~gathering_file(); // what it has belongs to no commit
  return code;
}

int read_file(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
  auto& self = gathering_file::of(file);
  if (auto code = self.pass_on(); code != SQLITE_OK)
    return code;
  return self.beneath().xRead(self.real(), to, count, offset);
}

int write_file(
  sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
  return gathering_file::of(file).write(from, count, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  auto& self = gathering_file::of(file);
  if (auto code = self.pass_on(); code != SQLITE_OK)
    return code;
  return self.beneath().xTruncate(self.real(), size);
}

int sync_file(sqlite3_file* file, int flags) {
  auto& self = gathering_file::of(file);
  if (auto code = self.pass_on(); code != SQLITE_OK)
    return code;
  return self.beneath().xSync(self.real(), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  auto& self = gathering_file::of(file);
  if (auto code = self.pass_on(); code != SQLITE_OK)
    return code;
  return self.beneath().xFileSize(self.real(), size);
}

int lock_file(sqlite3_file* file, int level) {
  auto& self = gathering_file::of(file);
  return self.beneath().xLock(self.real(), level);
}

int unlock_file(sqlite3_file* file, int level) {
  auto& self = gathering_file::of(file);
  return self.beneath().xUnlock(self.real(), level);
}

int check_reserved_lock(sqlite3_file* file, int* out) {
  auto& self = gathering_file::of(file);
  return self.beneath().xCheckReservedLock(self.real(), out);
}

int file_control(sqlite3_file* file, int operation, void* argument) {
  auto& self = gathering_file::of(file);
  return self.beneath().xFileControl(self.real(), operation, argument);
}

int sector_size(sqlite3_file* file) {
  auto& self = gathering_file::of(file);
  return self.beneath().xSectorSize(self.real());
}

int device_characteristics(sqlite3_file* file) {
  auto& self = gathering_file::of(file);
  return self.beneath().xDeviceCharacteristics(self.real());
}

// Version 1: a WAL has neither shared memory nor a mapping of its own.
constexpr sqlite3_io_methods gathering_methods = {
  1,
  close_file,
  read_file,
  write_file,
  truncate_file,
  sync_file,
  file_size,
  lock_file,
  unlock_file,
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

std::size_t wal_file_bytes() noexcept {
  return sizeof(gathering_file);
}

int open_wal_file(
  sqlite3_vfs* beneath, const char* path, sqlite3_file* file, int flags,
  int* out_flags) {
  auto* made = new (file) gathering_file{gathering_methods};
  auto code = beneath->xOpen(beneath, path, made->real(), flags, out_flags);
  if (code != SQLITE_OK) {
    if (made->real()->pMethods != nullptr)
      made->real()->pMethods->xClose(made->real());
    made->~gathering_file();
    file->pMethods = nullptr; // there is nothing to close
  }
  return code;
}

// -- a commit ----------------------------------------------------------------

commit_gathering::commit_gathering(sqlite3* db) noexcept : wal_(nullptr) {
  // With a WAL open this is that file (seen in 3.40's pager.c; documented for
  // the rollback journal: sqlite.org/c3ref/c_fcntl_begin_atomic_write.html).
  sqlite3_file* file = nullptr;
  auto code =
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  if (
    code != SQLITE_OK || file == nullptr
    || file->pMethods != &gathering_methods)
    return;
  wal_ = &gathering_file::of(file);
  wal_->begin_gathering();
}

commit_gathering::~commit_gathering() {
  if (wal_ != nullptr)
    wal_->end_gathering();
}

} // namespace dbproxy
