#include "transport/leader_lock.hpp"

#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dbproxy {

namespace {

//// How often a lock file that is replaced under our hands is opened again.
constexpr int replacements_max = 100;

/// The descriptors of the locks that this process holds. A forked child shares
/// the lock itself, so it would keep it after the death of its parent: every
/// copy is closed in the fork.
class held_files {
public:
  static held_files& instance() {
    // Never destroyed: locks in static objects may outlive anything else.
    static auto* files = new held_files;
    return *files;
  }

  /// No fork happens while this is locked.
  std::mutex& mutex() noexcept { return mutex_; }

  /// Only with the mutex locked, since before the file was.
  void add(int fd) { fds_.push_back(fd); }

  void remove(int fd) {
    const std::lock_guard guard{mutex_};
    std::erase(fds_, fd);
  }

private:
  held_files() {
    ::pthread_atfork(
      [] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
      [] { instance().close_all(); });
  }

  /// In the child, which inherited the mutex locked.
  void close_all() {
    for (const auto fd : fds_)
      ::close(fd);
    fds_.clear();
    mutex_.unlock();
  }

  std::mutex mutex_;
  std::vector<int> fds_;
};

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

write_error lock_error(const char* what, const std::string& path) {
  const auto number = errno;
  return os_error(
    "cannot " + std::string{what} + " the lock file " + path, number);
}

/// True if `fd` is the file that `path` names now: a lock on a file that was
/// unlinked or replaced excludes nobody.
bool is_file_at(int fd, const std::string& path) {
  struct stat ours {};
  struct stat theirs {};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &theirs) == 0
         && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/// The lock file for a look at it, without a descriptor where it is missing.
result<unique_fd> open_for_reading(const std::string& path) {
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  unique_fd file{::open(path.c_str(), flags)};
  if (!file && errno != ENOENT)
    return lock_error("open", path);
  return file;
}

result<bool> is_locked(const unique_fd& file, const std::string& path) {
  auto lock = whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0)
    return lock_error("examine", path);
  return lock.l_type != F_UNLCK;
}

result<std::string> read_text(const unique_fd& file, const std::string& path) {
  std::string text(limits::record_bytes_max, '\0');
  const auto length = ::pread(file.get(), text.data(), text.size(), 0);
  if (length < 0)
    return lock_error("read", path);
  text.resize(static_cast<std::size_t>(length));
  return text;
}

/// Nothing if the record is not (yet) complete. Members that a later version
/// may have added are left out.
std::optional<primary_record> parse_record(std::string_view text) {
  if (!text.ends_with('\n'))
    return std::nullopt;
  const auto json = parse_json(text);
  const auto* object = json ? json->if_object() : nullptr;
  if (object == nullptr)
    return std::nullopt;
  boost::json::object known;
  for_each_member<primary_record>([&](std::string_view name, auto) {
    if (const auto* member = object->if_contains(name))
      known.emplace(name, *member);
  });
  auto record = decode<primary_record>(known);
  if (
    !record || record->pid <= 0 || record->epoch <= 0
    || record->rpc_addr.empty() || record->pub_addr.empty())
    return std::nullopt;
  return std::move(*record);
}

} // namespace

leader_lock::leader_lock(unique_fd file, std::string path)
  : file_(std::move(file)),
    path_(std::move(path)),
    owner_(::getpid()) {}

leader_lock::leader_lock(leader_lock&& other) noexcept
  : file_(std::move(other.file_)),
    path_(std::move(other.path_)),
    owner_(std::exchange(other.owner_, -1)) {}

leader_lock& leader_lock::operator=(leader_lock&& other) noexcept {
  if (this != &other) {
    release();
    file_ = std::move(other.file_);
    path_ = std::move(other.path_);
    owner_ = std::exchange(other.owner_, -1);
  }
  return *this;
}

result<std::optional<leader_lock>>
leader_lock::try_acquire(const instance_directory& directory) {
  const auto path = directory.lock_path().string();
  auto& held = held_files::instance();
  const std::lock_guard no_fork{held.mutex()};
  for (int attempt = 0; attempt < replacements_max; ++attempt) {
    constexpr int flags =
      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    unique_fd file{::open(path.c_str(), flags, S_IRUSR | S_IWUSR)};
    if (!file)
      return lock_error("open", path);
    const auto lock = whole_file(F_WRLCK);
    if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
      if (errno == EAGAIN || errno == EACCES)
        return std::optional<leader_lock>{};
      return lock_error("lock", path);
    }
    if (!is_file_at(file.get(), path))
      continue;
    if (::ftruncate(file.get(), 0) != 0)
      return lock_error("truncate", path);
    held.add(file.get());
    return std::optional{leader_lock{std::move(file), path}};
  }
  return make_error(
    error_code::internal, "the lock file " + path
                            + " is replaced all the time; stop whatever "
                              "removes it");
}

result<void> leader_lock::publish(const primary_record& record) {
  if (!held())
    return make_error(
      error_code::internal,
      "the lock is not held, so there is no primary to be published");
  // The final newline tells a reader that the text is complete.
  const auto text = encode_text(record) + "\n";
  if (::ftruncate(file_.get(), 0) != 0)
    return lock_error("truncate", path_);
  const auto written = ::pwrite(file_.get(), text.data(), text.size(), 0);
  if (written == static_cast<ssize_t>(text.size()))
    return {};
  if (written >= 0)
    errno = ENOSPC;
  auto error = lock_error("write", path_);
  if (::ftruncate(file_.get(), 0) != 0)
    error.message += "; nor could it be truncated";
  return error;
}

void leader_lock::release() noexcept {
  if (!held()) {
    // In a forked child the descriptor is closed already; its number may be
    // somebody else's by now.
    static_cast<void>(file_.release());
    return;
  }
  held_files::instance().remove(file_.get());
  // The text would do no harm if it stayed: without the lock it means nothing.
  static_cast<void>(::ftruncate(file_.get(), 0));
  const auto lock = whole_file(F_UNLCK);
  static_cast<void>(::fcntl(file_.get(), F_OFD_SETLK, &lock));
  file_.reset();
}

bool leader_lock::held() const noexcept {
  return file_ && owner_ == ::getpid();
}

result<bool> is_held(const instance_directory& directory) {
  const auto path = directory.lock_path().string();
  const auto file = open_for_reading(path);
  if (!file)
    return file.error();
  if (!*file)
    return false;
  return is_locked(*file, path);
}

result<std::optional<primary_record>>
find_primary(const instance_directory& directory) {
  const auto path = directory.lock_path().string();
  const auto file = open_for_reading(path);
  if (!file)
    return file.error();
  std::optional<primary_record> found;
  if (!*file)
    return found;
  const auto locked = is_locked(*file, path);
  if (!locked)
    return locked.error();
  if (!*locked)
    return found;
  const auto text = read_text(*file, path);
  if (!text)
    return text.error();
  found = parse_record(*text);
  return found;
}

} // namespace dbproxy
