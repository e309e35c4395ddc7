#include "storage/statement_journal.hpp"

#include "messages/limits.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace dbproxy {

namespace {

class statement_journal : public vfs_file {
public:
  statement_journal(sqlite3_vfs* vfs, int flags, sqlite3_file* file) noexcept
    : vfs_file(file),
      vfs_(vfs),
      flags_(flags) {}

  int read(void* to, int count, std::int64_t offset) override {
    if (in_file_)
      return vfs_file::read(to, count, offset);
    auto* out = static_cast<unsigned char*>(to);
    auto wanted = static_cast<std::size_t>(count);
    auto from = std::min(static_cast<std::size_t>(offset), bytes_.size());
    auto there = std::min(wanted, bytes_.size() - from);
    std::copy_n(bytes_.data() + from, there, out);
    if (there == wanted)
      return SQLITE_OK;
    // What is missing reads as zero (sqlite.org/c3ref/io_methods.html).
    std::memset(out + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
  }

  int write(const void* from, int count, std::int64_t offset) override {
    auto at = static_cast<std::size_t>(offset);
    auto end = at + static_cast<std::size_t>(count);
    if (
      !in_file_ && !make_room(bytes_, end, limits::statement_journal_bytes_max))
      if (auto code = move_to_file(); code != SQLITE_OK)
        return code;
    if (in_file_)
      return vfs_file::write(from, count, offset);
    bytes_.resize(std::max(bytes_.size(), end));
    std::copy_n(
      static_cast<const unsigned char*>(from), count, bytes_.data() + at);
    return SQLITE_OK;
  }

  int truncate(std::int64_t size) override {
    if (in_file_)
      return vfs_file::truncate(size);
    bytes_.resize(std::min(bytes_.size(), static_cast<std::size_t>(size)));
    return SQLITE_OK;
  }

  int sync(int flags) override {
    return in_file_ ? vfs_file::sync(flags) : SQLITE_OK;
  }

  int size(std::int64_t& out) override {
    if (in_file_)
      return vfs_file::size(out);
    out = static_cast<std::int64_t>(bytes_.size());
    return SQLITE_OK;
  }

private:
  int move_to_file() {
    auto* file = beneath();
    auto code = vfs_->xOpen(vfs_, nullptr, file, flags_, nullptr);
    if (code == SQLITE_OK)
      code = copy_to_file();
    if (code != SQLITE_OK) {
      if (file->pMethods != nullptr)
        file->pMethods->xClose(file);
      file->pMethods = nullptr;
      return code;
    }
    in_file_ = true;
    bytes_ = {};
    return SQLITE_OK;
  }

  int copy_to_file() {
    for (std::size_t at = 0; at < bytes_.size();) {
      auto count = std::min(bytes_.size() - at, limits::vfs_write_bytes_max);
      auto code = vfs_file::write(
        bytes_.data() + at, static_cast<int>(count),
        static_cast<std::int64_t>(at));
      if (code != SQLITE_OK)
        return code;
      at += count;
    }
    return SQLITE_OK;
  }

  sqlite3_vfs* vfs_;
  int flags_;
  bool in_file_ = false;
  std::vector<unsigned char> bytes_;
};

} // namespace

std::unique_ptr<vfs_file>
make_statement_journal(sqlite3_vfs* beneath, int flags, sqlite3_file* file) {
  return std::make_unique<statement_journal>(beneath, flags, file);
}

} // namespace dbproxy
