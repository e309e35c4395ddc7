// The code index: projects, their source files and symbols, and the search
// over them.
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

/// `language_stats` is {language: {"files", "symbols"}}; times are Unix
/// seconds.
struct code_project {
  std::string project_id;
  std::string name;
  std::string root_path;
  std::string status;
  boost::json::object language_stats;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;
  std::optional<std::int64_t> last_indexed_at;

  bool operator==(const code_project&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  code_project, (),
  (project_id, name, root_path, status, language_stats, created_at, updated_at,
   last_indexed_at))

/// A source file as it was when it was indexed.
struct code_file {
  std::string project_id;
  std::string root_path;
  std::string file_path;
  std::string language;
  std::string file_hash;
  std::int64_t symbol_count = 0;
  std::int64_t indexed_at = 0;

  bool operator==(const code_file&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  code_file, (),
  (project_id, root_path, file_path, language, file_hash, symbol_count,
   indexed_at))

/// Lines count from 1, bytes from 0; `end_byte` is past the last one.
struct code_symbol {
  std::string project_id;
  std::string file_path;
  std::string language;
  std::string id;
  std::string symbol_type;
  std::string name;
  std::string name_path;
  std::int64_t start_line = 0;
  std::int64_t end_line = 0;
  std::int64_t start_byte = 0;
  std::int64_t end_byte = 0;
  std::optional<std::string> source_code;
  std::optional<std::string> signature;
  std::optional<std::string> doc_string;
  std::optional<std::string> parent_id;
  std::optional<boost::json::object> metadata;

  bool operator==(const code_symbol&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  code_symbol, (),
  (project_id, file_path, language, id, symbol_type, name, name_path,
   start_line, end_line, start_byte, end_byte, source_code, signature,
   doc_string, parent_id, metadata))

/// A symbol that a search found; a higher score is a better hit.
struct code_hit : code_symbol {
  double score = 0;

  bool operator==(const code_hit&) const = default;
};
BOOST_DESCRIBE_STRUCT(code_hit, (code_symbol), (score))

// -- writes ------------------------------------------------------------------

/// Adds the project, or changes what is known of it, which leaves its files,
/// its statistics and `created_at` as they are.
struct code_upsert_project {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("CodeUpsertProject", "db.code.updated");

  std::string project_id;
  std::string name;
  std::string root_path;
  std::string status;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(
  code_upsert_project, (),
  (project_id, name, root_path, status, created_at, updated_at))

/// An absent `last_indexed_at` leaves the one before. CONFLICT where there is
/// no such project.
struct code_set_project_status {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("CodeSetProjectStatus", "db.code.updated");

  std::string project_id;
  std::string status;
  std::optional<std::int64_t> last_indexed_at;
  std::int64_t updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(
  code_set_project_status, (),
  (project_id, status, last_indexed_at, updated_at))

/// A symbol to be indexed. `id` is unique within its project; `parent_id` is
/// another symbol of the project.
struct new_code_symbol {
  std::string id;
  std::string symbol_type;
  std::string name;
  std::string name_path;
  std::int64_t start_line = 0;
  std::int64_t end_line = 0;
  std::int64_t start_byte = 0;
  std::int64_t end_byte = 0;
  std::optional<std::string> source_code;
  std::optional<std::string> signature;
  std::optional<std::string> doc_string;
  std::optional<std::string> parent_id;
  std::optional<boost::json::object> metadata;
  std::optional<std::vector<float>> embedding;
};
BOOST_DESCRIBE_STRUCT(
  new_code_symbol, (),
  (id, symbol_type, name, name_path, start_line, end_line, start_byte, end_byte,
   source_code, signature, doc_string, parent_id, metadata, embedding))

/// Adds the file, or takes the place of what was known of it; its symbols too.
/// CONFLICT where there is no such project, or no such parent of a symbol.
struct code_index_file {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("CodeIndexFile", "db.code.updated");

  std::string project_id;
  std::string root_path;
  std::string file_path;
  std::string language;
  std::string file_hash;
  std::vector<new_code_symbol> symbols;
};
BOOST_DESCRIBE_STRUCT(
  code_index_file, (),
  (project_id, root_path, file_path, language, file_hash, symbols))

struct code_delete_file {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("CodeDeleteFile", "db.code.deleted");

  std::string project_id;
  std::string file_path;
};
BOOST_DESCRIBE_STRUCT(code_delete_file, (), (project_id, file_path))

/// With all its files and symbols.
struct code_delete_project {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("CodeDeleteProject", "db.code.deleted");

  std::string project_id;
};
BOOST_DESCRIBE_STRUCT(code_delete_project, (), (project_id))

/// Counts files and symbols by language. CONFLICT where there is no such
/// project.
struct code_update_language_stats {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("CodeUpdateLanguageStats", "db.code.updated");

  std::string project_id;
};
BOOST_DESCRIBE_STRUCT(code_update_language_stats, (), (project_id))

// -- reads -------------------------------------------------------------------

/// By name.
struct code_list_projects {
  using returns = std::vector<code_project>;
  static constexpr auto spec = read_method("CodeListProjects");
};
BOOST_DESCRIBE_STRUCT(code_list_projects, (), ())

/// By path.
struct code_list_files {
  using returns = std::vector<code_file>;
  static constexpr auto spec = read_method("CodeListFiles");

  std::string project_id;
};
BOOST_DESCRIBE_STRUCT(code_list_files, (), (project_id))

/// The symbols whose `name` or `name_path` is `name`, by path and line.
struct code_find_symbol {
  using returns = std::vector<code_symbol>;
  static constexpr auto spec = read_method("CodeFindSymbol");

  std::string project_id;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(code_find_symbol, (), (project_id, name))

/// By line.
struct code_file_symbols {
  using returns = std::vector<code_symbol>;
  static constexpr auto spec = read_method("CodeFileSymbols");

  std::string project_id;
  std::string file_path;
};
BOOST_DESCRIBE_STRUCT(code_file_symbols, (), (project_id, file_path))

/// The best hits first. `query` and `embedding` are those of KBSearch.
struct code_search {
  using returns = std::vector<code_hit>;
  static constexpr auto spec = read_method("CodeSearch");

  std::string project_id;
  std::string query;
  std::optional<std::vector<float>> embedding;
  std::int64_t limit = 0;
};
BOOST_DESCRIBE_STRUCT(code_search, (), (project_id, query, embedding, limit))

// -- rules -------------------------------------------------------------------

rule_fault check_rules(const code_upsert_project& params);
rule_fault check_rules(const code_index_file& params);
rule_fault check_rules(const code_search& params);

/// The methods of this header, for the catalogue.
using code_index_methods = boost::mp11::mp_list<
  code_upsert_project, code_set_project_status, code_index_file,
  code_delete_file, code_delete_project, code_update_language_stats,
  code_list_projects, code_list_files, code_find_symbol, code_file_symbols,
  code_search>;

} // namespace dbproxy
