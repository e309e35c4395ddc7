#include "fault_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <new>
#include <random>
#include <vector>

namespace dbproxy::storage_test {

namespace {

using bytes = std::vector<char>;

/// A change of a file that was not synced yet.
struct change {
  sqlite3_int64 offset = 0;
  bytes data;
  bool truncates = false; ///< to `offset`
};

/// What a file was when it was synced last, and what came since.
struct tracked_file {
  bytes synced;
  std::vector<change> since;
};

bytes contents(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void apply(bytes& image, const change& one, std::size_t length) {
  auto begin = static_cast<std::size_t>(one.offset);
  if (one.truncates) {
    image.resize(std::min(image.size(), begin));
    return;
  }
  if (image.size() < begin + length)
    image.resize(begin + length);
  std::copy_n(
    one.data.begin(), length,
    image.begin() + static_cast<std::ptrdiff_t>(begin));
}

struct countdown {
  int code = SQLITE_OK;
  int more = 0;

  /// The code to fail with now.
  int pass() {
    if (code == SQLITE_OK || more-- > 0)
      return SQLITE_OK;
    more = 0;
    return code;
  }
};

} // namespace

struct fault_vfs::state {
  sqlite3_vfs vfs{};
  sqlite3_vfs* system = nullptr;
  sqlite3_io_methods methods{};
  std::map<std::string, tracked_file> files;
  countdown write_fault;
  countdown sync_fault;
  int writes = 0;
};

namespace {

fault_vfs::state* active = nullptr;

/// SQLite's file object: ours in front, the system's behind it.
struct shim_file {
  sqlite3_file base;
  tracked_file* tracked;

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* real_of(sqlite3_file* file) {
  return reinterpret_cast<shim_file*>(file)->real();
}

int close_file(sqlite3_file* file) {
  return real_of(file)->pMethods->xClose(real_of(file));
}

int read_file(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
  return real_of(file)->pMethods->xRead(real_of(file), to, count, offset);
}

int write_file(
  sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
  if (auto code = active->write_fault.pass(); code != SQLITE_OK)
    return code;
  ++active->writes;
  if (auto* tracked = reinterpret_cast<shim_file*>(file)->tracked) {
    const auto* data = static_cast<const char*>(from);
    tracked->since.push_back({offset, bytes(data, data + count), false});
  }
  return real_of(file)->pMethods->xWrite(real_of(file), from, count, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (auto* tracked = reinterpret_cast<shim_file*>(file)->tracked)
    tracked->since.push_back({size, {}, true});
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

int sync_file(sqlite3_file* file, int flags) {
  if (auto code = active->sync_fault.pass(); code != SQLITE_OK)
    return code;
  // After a write that was lost there is no sync either: the power has gone.
  if (active->write_fault.code != SQLITE_OK && active->write_fault.more == 0)
    return SQLITE_IOERR_FSYNC;
  if (auto* tracked = reinterpret_cast<shim_file*>(file)->tracked) {
    for (const auto& one : tracked->since)
      apply(tracked->synced, one, one.data.size());
    tracked->since.clear();
  }
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

int lock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}

int unlock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

int check_reserved(sqlite3_file* file, int* out) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

int file_control(sqlite3_file* file, int operation, void* argument) {
  return real_of(file)->pMethods->xFileControl(
    real_of(file), operation, argument);
}

int sector_size(sqlite3_file* file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

int characteristics(sqlite3_file*) {
  return 0; // neither atomic writes nor safe appends
}

int map_shared(
  sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real_of(file)->pMethods->xShmMap(
    real_of(file), page, size, extend, out);
}

int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

void shared_barrier(sqlite3_file* file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

int unmap_shared(sqlite3_file* file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

int open_file(
  sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags,
  int* out_flags) {
  auto* shim = reinterpret_cast<shim_file*>(file);
  shim->base.pMethods = nullptr;
  shim->tracked = nullptr;
  auto code =
    active->system->xOpen(active->system, name, shim->real(), flags, out_flags);
  if (code != SQLITE_OK)
    return code;
  constexpr int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL;
  if (name != nullptr && (flags & kept) != 0) {
    auto [at, is_new] = active->files.try_emplace(name);
    if (is_new)
      at->second.synced = contents(name);
    shim->tracked = &at->second;
  }
  shim->base.pMethods = &active->methods;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs*, const char* name, int sync_directory) {
  active->files.erase(name);
  return active->system->xDelete(active->system, name, sync_directory);
}

} // namespace

fault_vfs::fault_vfs() : state_(new state) {
  active = state_;
  state_->system = sqlite3_vfs_find(nullptr);
  state_->vfs = *state_->system;
  state_->vfs.zName = "dbproxy-fault";
  state_->vfs.pNext = nullptr;
  state_->vfs.szOsFile =
    static_cast<int>(sizeof(shim_file)) + state_->system->szOsFile;
  state_->vfs.xOpen = open_file;
  state_->vfs.xDelete = delete_file;
  state_->methods = {
    2,
    close_file,
    read_file,
    write_file,
    truncate_file,
    sync_file,
    file_size,
    lock_file,
    unlock_file,
    check_reserved,
    file_control,
    sector_size,
    characteristics,
    map_shared,
    lock_shared,
    shared_barrier,
    unmap_shared,
    nullptr,
    nullptr};
  sqlite3_vfs_register(&state_->vfs, 1);
}

fault_vfs::~fault_vfs() {
  sqlite3_vfs_unregister(&state_->vfs);
  sqlite3_vfs_register(state_->system, 1);
  active = nullptr;
  delete state_;
}

void fault_vfs::fail_writes(int code, int more) {
  state_->write_fault = {code, more};
}

void fault_vfs::fail_syncs(int code, int more) {
  state_->sync_fault = {code, more};
}

void fault_vfs::mend() {
  state_->write_fault = {};
  state_->sync_fault = {};
}

int fault_vfs::writes() const {
  return state_->writes;
}

void fault_vfs::cut_power(std::uint64_t seed) {
  constexpr std::size_t sector = 512;
  std::mt19937_64 random{seed};
  for (auto& [path, file] : state_->files) {
    auto image = file.synced;
    std::shuffle(file.since.begin(), file.since.end(), random);
    for (const auto& one : file.since) {
      auto fate = random() % 3;
      if (fate == 0)
        continue;
      auto length = one.data.size();
      if (fate == 1)
        length = std::min(length, random() % (length / sector + 1) * sector);
      apply(image, one, length);
    }
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    out.write(image.data(), static_cast<std::streamsize>(image.size()));
    out.close();
    file.synced = std::move(image);
    file.since.clear();
    auto shared = path + "-shm";
    std::error_code ignored;
    std::filesystem::remove(shared, ignored);
  }
}

} // namespace dbproxy::storage_test
