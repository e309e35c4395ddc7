// The SQL of storage/sql, embedded at build time: the sections of its files by
// name, the migrations by version, and a text taken apart into statements.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dbproxy {

/// A file of storage/sql, `path` relative to it.
struct sql_file {
  std::string_view path;
  std::string_view text;
};

/// What stands below one `-- name: NAME` line.
struct sql_section {
  std::string_view name;
  std::string_view text;
};

/// One step of the schema, from schema/NNNN_name.sql.
struct migration {
  int version = 0;
  std::string_view name;
  std::string_view text;
};

/// All embedded files. Static storage; any thread.
std::span<const sql_file> sql_files();

/// The sections of a text, in order. What stands before the first is ignored.
std::vector<sql_section> split_sections(std::string_view text);

/// The statements of a text, in order, without blanks and comments around
/// them. A semicolon in a string, a comment or a trigger ends none.
std::vector<std::string> split_statements(std::string_view sql);

/// The section of that name in any file; empty if there is none. Any thread.
std::string_view find_section(std::string_view name);

/// Every section of every file, by name. Any thread.
std::span<const sql_section> all_sections();

/// The migrations, by ascending version. Any thread.
std::span<const migration> migrations();

/// The version of the schema that this program needs.
int newest_schema_version();

} // namespace dbproxy
