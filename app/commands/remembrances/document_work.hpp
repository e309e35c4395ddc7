// Writes documents into the knowledge base.
#pragma once

#include "app/commands/remembrances/chunks.hpp"
#include "app/commands/remembrances/folder.hpp"
#include "app/commands/remembrances/worker_process.hpp"
#include "messages/knowledge_base.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace dbproxy {

/// How the documents of one import are made.
struct document_settings {
  std::int64_t chunk_bytes = 0;
  std::int64_t overlap_bytes = 0;
  std::optional<std::string> embedder; ///< the command, as a name
  std::string imported_from;           ///< the folder
};
BOOST_DESCRIBE_STRUCT(
  document_settings, (), (chunk_bytes, overlap_bytes, embedder, imported_from))

/// The metadata of a document that was made so, by which a later import knows
/// that nothing has changed.
boost::json::object document_metadata(
  const document_settings& settings, const std::string& sha256,
  std::size_t bytes);

/// Why a file cannot be a document, or what it holds.
result<file_text> read_document(const std::string& path);

/// The work of an import: every file of an item becomes a document, whole or
/// not at all.
work_function document_work(document_settings settings, worker_tools tools);

} // namespace dbproxy
