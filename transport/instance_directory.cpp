#include "transport/instance_directory.hpp"

#include "messages/json_codec.hpp"
#include "transport/posix.hpp"
#include "transport/private_directory.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace dbproxy {

namespace fs = std::filesystem;

namespace {

/// What `sockaddr_un::sun_path` holds besides its terminating NUL.
constexpr std::size_t socket_path_bytes_max = 107;

/// As many as the kernel follows in one path.
constexpr int symlinks_max = 40;

write_error bad_path(const fs::path& path, const std::string& why) {
  return make_error(
    error_code::invalid_params,
    "the database path \"" + path.string() + "\" " + why);
}

/// Where the instance directory's own path is too long for a socket. Only the
/// primary asks, so that instances with different environments agree.
struct fallback {
  fs::path root;
  fs::path folder;
};

std::string hash_of(const fs::path& database) {
  // FNV-1a: stable across builds, and nobody but this user writes in there.
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const auto byte : database.native()) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3U;
  }
  std::array<char, 16> digits{};
  const auto* end =
    std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16).ptr;
  const std::string_view text{digits.data(), end};
  std::string padded(digits.size() - text.size(), '0');
  padded += text;
  return padded;
}

/// The most wanted first.
std::vector<fallback> fallbacks_of(const fs::path& database) {
  const auto hash = hash_of(database);
  std::vector<fallback> found;
  const auto add = [&](fs::path root) {
    auto folder = root / hash;
    found.push_back({std::move(root), std::move(folder)});
  };
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  if (runtime_dir != nullptr && *runtime_dir == '/') {
    // One that is somebody else's, as after `sudo`, is as good as none.
    const auto ours = check_private_directory(runtime_dir);
    if (ours && *ours)
      add(fs::path{runtime_dir} / "dbproxy");
  }
  add("/tmp/dbproxy-" + std::to_string(::geteuid()));
  return found;
}

struct socket_paths {
  fs::path rpc;
  fs::path pub;
};

socket_paths sockets_in(const fs::path& folder, std::int64_t epoch) {
  const auto suffix = std::to_string(epoch) + ".sock";
  return {folder / ("rpc-" + suffix), folder / ("pub-" + suffix)};
}

/// The two names of one epoch have the same length.
bool fits(const socket_paths& paths) {
  return paths.rpc.native().size() <= socket_path_bytes_max
         && is_utf8(paths.rpc.native());
}

endpoints addresses_of(const socket_paths& paths) {
  return {ipc_address(paths.rpc.native()), ipc_address(paths.pub.native())};
}

/// The epoch in the name of a socket, nothing if it is no name of ours.
std::optional<std::int64_t> epoch_in(std::string_view name) {
  constexpr std::string_view suffix = ".sock";
  if (!name.starts_with("rpc-") && !name.starts_with("pub-"))
    return std::nullopt;
  if (!name.ends_with(suffix))
    return std::nullopt;
  name.remove_prefix(4);
  name.remove_suffix(suffix.size());
  std::int64_t epoch = 0;
  const auto [end, ec] =
    std::from_chars(name.data(), name.data() + name.size(), epoch);
  if (ec != std::errc{} || end != name.data() + name.size())
    return std::nullopt;
  return epoch;
}

result<void> remove_sockets_below(const fs::path& folder, std::int64_t epoch) {
  std::error_code ec;
  auto entry = fs::directory_iterator{folder, ec};
  for (; !ec && entry != fs::directory_iterator{}; entry.increment(ec)) {
    const auto& path = entry->path();
    const auto found = epoch_in(path.filename().native());
    std::error_code gone;
    if (!found || *found >= epoch || !entry->is_socket(gone))
      continue;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return os_error("cannot remove the socket " + path.string(), errno);
  }
  if (ec)
    return os_error("cannot read the directory " + folder.string(), ec.value());
  return {};
}

} // namespace

result<fs::path> canonical_database_path(const fs::path& path) {
  if (path.empty())
    return bad_path(path, "is empty; name a file");
  if (path.native().find('\0') != std::string::npos)
    return bad_path(path, "contains a NUL byte; name a file");
  std::error_code ec;
  auto at = fs::absolute(path, ec);
  for (int hops = 0; !ec && hops <= symlinks_max; ++hops) {
    const auto name = at.filename();
    if (name.empty() || name == "." || name == "..")
      return bad_path(path, "names a directory; name a file");
    const auto folder = fs::canonical(at.parent_path(), ec);
    if (ec)
      return bad_path(
        path, "is in a folder that cannot be used, " + at.parent_path().string()
                + ": " + ec.message()
                + "; create that folder, or name another path");
    at = folder / name;
    struct stat found {};
    if (::lstat(at.c_str(), &found) != 0) {
      if (errno == ENOENT)
        return at;
      ec.assign(errno, std::generic_category());
      break;
    }
    if (S_ISREG(found.st_mode))
      return at;
    if (S_ISDIR(found.st_mode))
      return bad_path(path, "names a directory; name a file");
    if (!S_ISLNK(found.st_mode))
      return bad_path(path, "names no regular file; name another path");
    const auto target = fs::read_symlink(at, ec);
    at = folder / target;
  }
  if (ec)
    return bad_path(path, "cannot be resolved: " + ec.message());
  return bad_path(path, "goes through too many symbolic links");
}

instance_directory::instance_directory(const fs::path& database)
  : database_(database),
    path_(database) {
  path_ += ".dbproxy";
}

result<instance_directory> instance_directory::open(const fs::path& database) {
  instance_directory directory{database};
  if (auto made = make_private_directory(directory.path_); !made)
    return made.error();
  return directory;
}

result<std::optional<instance_directory>>
instance_directory::find(const fs::path& database) {
  instance_directory directory{database};
  const auto checked = check_private_directory(directory.path_);
  if (!checked)
    return checked.error();
  std::optional<instance_directory> found;
  if (*checked)
    found = std::move(directory);
  return found;
}

result<endpoints> instance_directory::endpoints_for(std::int64_t epoch) const {
  assert(epoch >= 1);
  if (const auto paths = sockets_in(path_, epoch); fits(paths))
    return addresses_of(paths);
  auto reason = make_error(
    error_code::internal,
    "no place for the sockets of " + database_.string()
      + ": every path would be too long for a Unix socket");
  for (const auto& candidate : fallbacks_of(database_)) {
    const auto paths = sockets_in(candidate.folder, epoch);
    if (!fits(paths))
      continue;
    auto made = make_private_directory(candidate.root);
    if (made)
      made = make_private_directory(candidate.folder);
    if (made)
      return addresses_of(paths);
    reason = made.error();
  }
  return reason;
}

result<void>
instance_directory::remove_stale_sockets(std::int64_t epoch) const {
  if (auto removed = remove_sockets_below(path_, epoch); !removed)
    return removed;
  for (const auto& candidate : fallbacks_of(database_)) {
    const auto root = check_private_directory(candidate.root);
    if (!root || !*root)
      continue;
    const auto folder = check_private_directory(candidate.folder);
    if (!folder || !*folder)
      continue;
    if (auto done = remove_sockets_below(candidate.folder, epoch); !done)
      return done;
  }
  return {};
}

} // namespace dbproxy
