#include "storage/sql_text.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>

namespace dbproxy {

namespace {

constexpr std::string_view section_mark = "-- name:";
constexpr std::string_view migration_folder = "schema/";
constexpr std::string_view blanks = " \t\r\n";

std::string_view trim(std::string_view text) {
  auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  auto last = text.find_last_not_of(blanks);
  return text.substr(first, last - first + 1);
}

/// Removes up to and including the end of the first `mark`, or everything.
void skip_past(std::string_view& text, std::string_view mark) {
  auto at = text.find(mark);
  text.remove_prefix(
    at == std::string_view::npos ? text.size() : at + mark.size());
}

/// Where the next line begins that names a section; the end if none does.
std::size_t find_mark(std::string_view text, std::size_t from) {
  while ((from = text.find(section_mark, from)) != std::string_view::npos) {
    if (from == 0 || text[from - 1] == '\n')
      return from;
    ++from;
  }
  return text.size();
}

std::string_view skip_comments(std::string_view sql) {
  for (;;) {
    sql = trim(sql);
    if (sql.starts_with("--"))
      skip_past(sql, "\n");
    else if (sql.starts_with("/*"))
      skip_past(sql, "*/");
    else
      return sql;
  }
}

/// The length of the first statement of `sql`, its semicolon included.
std::size_t first_statement_length(std::string_view sql) {
  std::size_t end = 0;
  while ((end = sql.find(';', end)) != std::string_view::npos) {
    ++end;
    if (sqlite3_complete(std::string{sql.substr(0, end)}.c_str()) == 1)
      return end;
  }
  return sql.size();
}

/// "schema/0001_querier.sql" is version 1, "querier".
migration to_migration(const sql_file& file) {
  auto name = file.path.substr(migration_folder.size());
  name = name.substr(0, name.find('.'));
  migration step;
  std::from_chars(name.data(), name.data() + name.size(), step.version);
  step.name = name.substr(name.find('_') + 1);
  step.text = file.text;
  return step;
}

std::vector<migration> load_migrations() {
  std::vector<migration> steps;
  for (const auto& file : sql_files())
    if (file.path.starts_with(migration_folder))
      steps.push_back(to_migration(file));
  std::ranges::sort(steps, {}, &migration::version);
  return steps;
}

std::vector<sql_section> load_sections() {
  std::vector<sql_section> sections;
  for (const auto& file : sql_files())
    for (const auto& section : split_sections(file.text))
      sections.push_back(section);
  std::ranges::sort(sections, {}, &sql_section::name);
  return sections;
}

} // namespace

std::vector<sql_section> split_sections(std::string_view text) {
  std::vector<sql_section> sections;
  for (auto at = find_mark(text, 0); at < text.size();) {
    auto line_end = std::min(text.find('\n', at), text.size());
    auto name_at = at + section_mark.size();
    at = find_mark(text, line_end);
    sections.push_back(
      {trim(text.substr(name_at, line_end - name_at)),
       trim(text.substr(line_end, at - line_end))});
  }
  return sections;
}

std::vector<std::string> split_statements(std::string_view sql) {
  std::vector<std::string> statements;
  for (sql = skip_comments(sql); !sql.empty(); sql = skip_comments(sql)) {
    auto length = first_statement_length(sql);
    statements.emplace_back(trim(sql.substr(0, length)));
    sql.remove_prefix(length);
  }
  return statements;
}

std::span<const sql_section> all_sections() {
  static const auto sections = load_sections();
  return sections;
}

std::string_view find_section(std::string_view name) {
  auto sections = all_sections();
  auto found = std::ranges::lower_bound(sections, name, {}, &sql_section::name);
  if (found == sections.end() || found->name != name)
    return {};
  return found->text;
}

std::span<const migration> migrations() {
  static const auto steps = load_migrations();
  return steps;
}

int newest_schema_version() {
  return migrations().back().version;
}

} // namespace dbproxy
