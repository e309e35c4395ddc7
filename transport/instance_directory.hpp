// The directory beside a database in which its instances find each other:
// `PATH.dbproxy/` with the lock, the hint and the primary's sockets.
#pragma once

#include "messages/errors.hpp"
#include "transport/endpoints.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace dbproxy {

/// The one spelling of a database's path: absolute, symbolic links resolved,
/// also where the file does not exist yet (a dangling link leads to its
/// target). INVALID_PARAMS where its folder does not exist or where something
/// that is no regular file has that name. Any thread.
result<std::filesystem::path>
canonical_database_path(const std::filesystem::path& path);

/// The instance directory of one database, checked to be this user's alone.
/// A value type; its const functions may be called from any thread.
class instance_directory {
public:
  /// The directory of `database`, a canonical path; creates it, mode 0700,
  /// where it is missing. INTERNAL where it cannot be created, is no
  /// directory, is a symbolic link, or belongs to or can be entered by anybody
  /// else.
  static result<instance_directory> open(const std::filesystem::path& database);

  /// The same, but nothing is created: nullopt where the directory is missing.
  static result<std::optional<instance_directory>>
  find(const std::filesystem::path& database);

  /// The canonical path of the database.
  const std::filesystem::path& database() const noexcept { return database_; }

  /// The directory itself.
  const std::filesystem::path& path() const noexcept { return path_; }

  /// The file that the primary holds locked.
  std::filesystem::path lock_path() const { return path_ / "lock"; }

  /// Where the primary of `epoch` (at least 1) is to bind. The sockets live in
  /// the directory itself or, where a Unix socket's address would not hold
  /// that path (107 bytes) or JSON could not carry it (no UTF-8), in
  /// `$XDG_RUNTIME_DIR/dbproxy/<hash>/` or `/tmp/dbproxy-<uid>/<hash>/`, which
  /// are created and checked like the directory itself. Everybody but the
  /// primary takes the addresses from the lock file. INTERNAL where no place
  /// can be used.
  result<endpoints> endpoints_for(std::int64_t epoch) const;

  /// Removes the sockets of epochs lower than `epoch`, which their owners
  /// could not remove themselves. Only for the holder of the lock. INTERNAL
  /// where a directory cannot be read or a socket not be removed.
  result<void> remove_stale_sockets(std::int64_t epoch) const;

private:
  explicit instance_directory(const std::filesystem::path& database);

  std::filesystem::path database_;
  std::filesystem::path path_;
};

} // namespace dbproxy
