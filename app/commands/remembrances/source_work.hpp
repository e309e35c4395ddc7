// Writes source files and their symbols into the code index.
#pragma once

#include "app/commands/remembrances/folder.hpp"
#include "app/commands/remembrances/worker_process.hpp"
#include "messages/described.hpp"

#include <cstddef>
#include <string>

namespace dbproxy {

/// A larger source file is skipped: it was generated.
inline constexpr std::size_t source_bytes_max = 4U << 20U;

/// What the files of one run have in common.
struct source_settings {
  std::string project_id;
  std::string root_path;
  std::string ctags; ///< the program
  bool embedded = false;
};
BOOST_DESCRIBE_STRUCT(
  source_settings, (), (project_id, root_path, ctags, embedded))

/// The path of a file below the root of its project.
std::string path_below(const std::string& root, const std::string& path);

/// What a source file holds, or why it is skipped.
result<file_text> read_source(const std::string& path);

/// The work of an indexing: every file of an item gets its symbols, all or
/// none.
work_function source_work(source_settings settings, worker_tools tools);

} // namespace dbproxy
