#include "storage/knowledge_base.hpp"

#include "storage/nearest.hpp"
#include "storage/script.hpp"
#include "storage/search.hpp"
#include "storage/sql_text.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace dbproxy {

namespace {

struct document_row {
  std::string_view file_path;
  std::string_view content;
  std::string metadata;
  std::int64_t chunk_count = 0;
};
BOOST_DESCRIBE_STRUCT(
  document_row, (), (file_path, content, metadata, chunk_count))

struct chunk_row {
  std::int64_t document = 0;
  std::int64_t chunk_index = 0;
  std::optional<vector_bytes> embedding;
  std::string_view content;
};
BOOST_DESCRIBE_STRUCT(
  chunk_row, (), (document, chunk_index, embedding, content))

struct document_key {
  std::int64_t document = 0;
};
BOOST_DESCRIBE_STRUCT(document_key, (), (document))

struct document_rows {
  document_row document;
  std::vector<chunk_row> chunks;
};

/// The rows of KBAddDocument and of KBUpdateDocument.
template <class Document>
document_rows to_rows(const Document& params) {
  document_rows rows;
  rows.document.file_path = params.file_path;
  rows.document.content = params.content;
  rows.document.metadata = boost::json::serialize(params.metadata);
  for (std::size_t i = 0; i < params.chunks.size(); ++i)
    rows.chunks.push_back(
      {0, static_cast<std::int64_t>(i), stored_form(params.embeddings, i),
       params.chunks[i]});
  if (rows.chunks.empty())
    rows.chunks.push_back({0, 0, std::nullopt, params.content});
  rows.document.chunk_count = static_cast<std::int64_t>(rows.chunks.size());
  return rows;
}

result<void> insert_chunks(
  connection& db, std::int64_t document, const std::vector<chunk_row>& chunks) {
  static const script sql{find_section("kb_insert_chunk")};
  for (auto chunk : chunks) {
    chunk.document = document;
    if (auto done = run_script<void>(db, sql, chunk); !done)
      return done;
  }
  return {};
}

result<void> add(connection& db, const document_rows& rows) {
  static const script insert{find_section("kb_insert_document")};
  auto document = run_script<std::int64_t>(db, insert, rows.document);
  if (!document)
    return document.error();
  return insert_chunks(db, *document, rows.chunks);
}

result<void> replace(connection& db, const document_rows& rows) {
  static const script upsert{find_section("kb_replace_document")};
  static const script clear{find_section("kb_delete_chunks")};
  auto document = run_script<std::int64_t>(db, upsert, rows.document);
  if (!document)
    return document.error();
  if (auto done = run_script<void>(db, clear, document_key{*document}); !done)
    return done;
  return insert_chunks(db, *document, rows.chunks);
}

} // namespace

std::function<result<void>(connection&)>
lay_out(const kb_add_document& params) {
  return [rows = to_rows(params)](connection& db) { return add(db, rows); };
}

std::function<result<void>(connection&)>
lay_out(const kb_update_document& params) {
  return [rows = to_rows(params)](connection& db) { return replace(db, rows); };
}

result<std::vector<kb_hit>>
run_search(connection& db, const kb_search& params) {
  static const auto sql = load_search("kb_search");
  return search<kb_hit>(db, sql, params);
}

} // namespace dbproxy
