// Puts the documents below a folder into the knowledge base.
#pragma once

#include "app/commands/remembrances/chunks.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace dbproxy {

struct import_request {
  std::string database;
  std::string log_level;
  std::string folder;
  chunk_sizes sizes;
  std::size_t jobs = 1;
  std::optional<std::string> embedder; ///< a command
};

/// Writes what has changed since the last import of this folder, deletes what
/// is gone, and prints a summary. An exit status.
int import_documents(const import_request& request);

} // namespace dbproxy
