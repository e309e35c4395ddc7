// The real input of the demo: the text files of a folder.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace dbproxy {

struct text_file {
  std::string path; ///< relative to the folder
  std::string content;
  std::string sha256; ///< of the content, in hexadecimal digits
};

struct file_selection {
  std::vector<text_file> files;
  std::size_t skipped = 0; ///< no UTF-8 text, too large, or unreadable
};

/// A larger file is skipped.
inline constexpr std::size_t demo_file_bytes_max = 1U << 20U;
/// More files than these are left out.
inline constexpr std::size_t demo_files_max = 20'000;

/// The text files below `folder`, by path; hidden folders and those named
/// "build" are left out. INTERNAL where the folder cannot be read.
result<file_selection> read_text_files(const std::filesystem::path& folder);

} // namespace dbproxy
