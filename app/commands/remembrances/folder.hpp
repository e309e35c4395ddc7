// The files below a folder, and what is in them.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dbproxy {

/// More files than these below one folder are an error.
inline constexpr std::size_t folder_files_max = 1'000'000;

struct skipped_file {
  std::string path; ///< UTF-8, whatever the name is
  std::string reason;
};

struct folder_rules {
  /// Which files are wanted, by their name.
  std::function<bool(const std::filesystem::path&)> wanted;
  /// What is left out: patterns of the shell, for the path below the folder or
  /// for a name.
  std::vector<std::string> exclude;
};

struct folder_files {
  std::vector<std::string> paths; ///< absolute, sorted
  std::vector<skipped_file> skipped;
  /// Folders that could not be read, absolute: nothing is known of what is
  /// below them.
  std::vector<std::string> unread;

  /// True if a file of that path may be there although it is not in `paths`.
  bool may_hold(std::string_view path) const;
};

/// The canonical path of a folder. INTERNAL if there is none, INVALID_PARAMS
/// if its name is no UTF-8.
result<std::string> canonical_folder(const std::string& folder);

/// The regular files below `root`, which is canonical. Hidden folders and
/// symbolic links are left out. INTERNAL if `root` cannot be read.
result<folder_files>
list_folder(const std::string& root, const folder_rules& rules);

/// A file as it was read.
struct file_text {
  std::string content;
  std::string sha256; ///< of the content, in hexadecimal digits
};

/// Reads a regular file of UTF-8 text. The message of the error says why it is
/// skipped.
result<file_text> read_text(const std::string& path, std::size_t bytes_max);

} // namespace dbproxy
