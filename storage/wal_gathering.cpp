#include "storage/wal_gathering.hpp"

#include "messages/limits.hpp"
#include "storage/vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
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

class gathering_file : public vfs_file {
public:
  using vfs_file::vfs_file;

  void begin_gathering() noexcept { is_gathering_ = true; }

  void end_gathering() noexcept {
    is_gathering_ = false;
    gathered_.clear();
  }

  int read(void* to, int count, std::int64_t offset) override {
    auto code = pass_on();
    return code == SQLITE_OK ? vfs_file::read(to, count, offset) : code;
  }

  int write(const void* from, int count, std::int64_t offset) override {
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
      return vfs_file::write(from, count, offset);
    if (gathered_.empty())
      start_ = offset;
    gathered_.insert(gathered_.end(), bytes, bytes + count);
    return is_header && ends_transaction(bytes) ? pass_on() : SQLITE_OK;
  }

  int truncate(std::int64_t size) override {
    auto code = pass_on();
    return code == SQLITE_OK ? vfs_file::truncate(size) : code;
  }

  int sync(int flags) override {
    auto code = pass_on();
    return code == SQLITE_OK ? vfs_file::sync(flags) : code;
  }

  int size(std::int64_t& out) override {
    auto code = pass_on();
    return code == SQLITE_OK ? vfs_file::size(out) : code;
  }

private:
  /// Writes what was gathered. Where that fails it is kept: nothing that
  /// comes after it may be in the file without it.
  int pass_on() {
    if (gathered_.empty())
      return SQLITE_OK;
    auto code = vfs_file::write(
      gathered_.data(), static_cast<int>(gathered_.size()), start_);
    if (code == SQLITE_OK)
      gathered_.clear();
    return code;
  }

  /// Where in the file the next byte belongs.
  std::int64_t gathered_to() const noexcept {
    return start_ + static_cast<std::int64_t>(gathered_.size());
  }

  bool has_room(int count) noexcept {
    return make_room(
      gathered_, gathered_.size() + static_cast<std::size_t>(count),
      limits::gathered_wal_bytes_max);
  }

  std::vector<unsigned char> gathered_;
  std::int64_t start_ = 0; ///< of what is gathered, in the file
  bool is_gathering_ = false;
};

std::unique_ptr<vfs_file> make_wal_file(sqlite3_file* beneath) {
  return std::make_unique<gathering_file>(beneath);
}

// -- a commit ----------------------------------------------------------------

commit_gathering::commit_gathering(sqlite3* db) noexcept : wal_(nullptr) {
  // With a WAL open this is that file (seen in 3.40's pager.c; documented for
  // the rollback journal: sqlite.org/c3ref/c_fcntl_begin_atomic_write.html).
  sqlite3_file* file = nullptr;
  auto code =
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  if (code == SQLITE_OK)
    wal_ = dynamic_cast<gathering_file*>(served_by(file));
  if (wal_ != nullptr)
    wal_->begin_gathering();
}

commit_gathering::~commit_gathering() {
  if (wal_ != nullptr)
    wal_->end_gathering();
}

} // namespace dbproxy
