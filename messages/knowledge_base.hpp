// The knowledge base: documents, their chunks, and the search over them.
#pragma once

#include "messages/method.hpp"
#include "messages/rules.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

// -- records -----------------------------------------------------------------

/// A document with its text. Times are Unix seconds.
struct kb_document {
  std::string file_path;
  std::string content;
  boost::json::object metadata;
  std::int64_t chunk_count = 0;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;

  bool operator==(const kb_document&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  kb_document, (),
  (file_path, content, metadata, chunk_count, created_at, updated_at))

/// A document without its text.
struct kb_document_summary {
  std::string file_path;
  boost::json::object metadata;
  std::int64_t content_bytes = 0;
  std::int64_t chunk_count = 0;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;

  bool operator==(const kb_document_summary&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  kb_document_summary, (),
  (file_path, metadata, content_bytes, chunk_count, created_at, updated_at))

/// A chunk that a search found. `chunk_index` counts from 0 within its
/// document; a higher score is a better hit.
struct kb_hit {
  std::string file_path;
  std::int64_t chunk_index = 0;
  std::string content;
  boost::json::object metadata;
  double score = 0;

  bool operator==(const kb_hit&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  kb_hit, (), (file_path, chunk_index, content, metadata, score))

// -- writes ------------------------------------------------------------------

/// `chunks` are the parts of `content` that a search finds; a document without
/// any is found as a whole. `embeddings` are one per chunk, or none. CONFLICT
/// where the path is there already.
struct kb_add_document {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("KBAddDocument", "db.kb.updated");

  std::string file_path;
  std::string content;
  boost::json::object metadata;
  std::vector<std::string> chunks;
  std::optional<std::vector<std::vector<float>>> embeddings;
};
BOOST_DESCRIBE_STRUCT(
  kb_add_document, (), (file_path, content, metadata, chunks, embeddings))

/// As kb_add_document, but takes the place of the document of that path.
struct kb_update_document {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("KBUpdateDocument", "db.kb.updated");

  std::string file_path;
  std::string content;
  boost::json::object metadata;
  std::vector<std::string> chunks;
  std::optional<std::vector<std::vector<float>>> embeddings;
};
BOOST_DESCRIBE_STRUCT(
  kb_update_document, (), (file_path, content, metadata, chunks, embeddings))

struct kb_delete_document {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("KBDeleteDocument", "db.kb.deleted");

  std::string file_path;
};
BOOST_DESCRIBE_STRUCT(kb_delete_document, (), (file_path))

// -- reads -------------------------------------------------------------------

struct kb_get_document {
  using returns = std::optional<kb_document>;
  static constexpr auto spec = read_method("KBGetDocument");

  std::string file_path;
};
BOOST_DESCRIBE_STRUCT(kb_get_document, (), (file_path))

/// By path.
struct kb_list_documents {
  using returns = std::vector<kb_document_summary>;
  static constexpr auto spec = read_method("KBListDocuments");
};
BOOST_DESCRIBE_STRUCT(kb_list_documents, (), ())

struct kb_count_documents {
  using returns = std::int64_t;
  static constexpr auto spec = read_method("KBCountDocuments");
};
BOOST_DESCRIBE_STRUCT(kb_count_documents, (), ())

/// The best hits first. `query` is any text; where `embedding` is given, the
/// rank by full text and the rank by cosine similarity are fused.
struct kb_search {
  using returns = std::vector<kb_hit>;
  static constexpr auto spec = read_method("KBSearch");

  std::string query;
  std::optional<std::vector<float>> embedding;
  std::int64_t limit = 0;
};
BOOST_DESCRIBE_STRUCT(kb_search, (), (query, embedding, limit))

// -- rules -------------------------------------------------------------------

rule_fault check_rules(const kb_add_document& params);
rule_fault check_rules(const kb_update_document& params);
rule_fault check_rules(const kb_delete_document& params);
rule_fault check_rules(const kb_search& params);

/// The methods of this header, for the catalogue.
using knowledge_base_methods = boost::mp11::mp_list<
  kb_add_document, kb_update_document, kb_delete_document, kb_get_document,
  kb_list_documents, kb_count_documents, kb_search>;

} // namespace dbproxy
