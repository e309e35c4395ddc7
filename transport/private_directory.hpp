// Directories that belong to this user alone: what keeps the lock and the
// sockets out of the reach of everybody else.
#pragma once

#include "messages/errors.hpp"

#include <filesystem>

namespace dbproxy {

/// True if `path` is a directory of the effective user's with no permission
/// for anybody else, false if nothing is there. INTERNAL, naming the path and
/// the remedy, if something else is: a file, a symbolic link, a directory of
/// another user's, or one that others may enter. Any thread.
result<bool> check_private_directory(const std::filesystem::path& path);

/// As above, and creates the directory with mode 0700 where nothing is. Its
/// parent must exist. INTERNAL where it cannot be created.
result<void> make_private_directory(const std::filesystem::path& path);

} // namespace dbproxy
