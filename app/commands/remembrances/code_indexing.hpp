// Puts a source tree into the code index.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

struct indexing_request {
  std::string database;
  std::string log_level;
  std::string folder;
  std::string project_id; ///< made from the folder where it is empty
  std::string name;       ///< the folder's name where it is empty
  std::vector<std::string> exclude;
  std::size_t jobs = 1;
  std::optional<std::string> embedder; ///< a command
};

/// Writes the files that have changed since the project was indexed last,
/// deletes those that are gone, and prints a summary. An exit status.
int index_sources(const indexing_request& request);

} // namespace dbproxy
