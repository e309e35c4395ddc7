#include "storage/integrity.hpp"

#include "storage/journal.hpp"
#include "storage/schema.hpp"
#include "storage/sql_text.hpp"

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace dbproxy {

namespace {

constexpr std::string_view check_prefix = "check_";
constexpr std::size_t faults_max = 100;

/// The first column of the first rows.
result<std::vector<std::string>>
read_texts(connection& db, std::string_view sql) {
  auto query = db.prepare(sql);
  if (!query)
    return query.error();
  std::vector<std::string> texts;
  while (texts.size() < faults_max) {
    auto row = query->step();
    if (!row)
      return row.error();
    if (!*row)
      break;
    texts.emplace_back(query->text(0));
  }
  return texts;
}

result<std::int64_t> read_pragma(connection& db, std::string_view sql) {
  auto query = db.prepare(sql);
  if (!query)
    return query.error();
  auto row = query->step();
  if (!row)
    return row.error();
  return *row ? query->integer(0) : 0;
}

std::string quote_name(std::string_view name) {
  std::string text{"\""};
  for (char c : name)
    text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

/// SQLite's own check; the word "ok" is its way to say that there is none.
result<void> check_pages(connection& db, std::vector<std::string>& faults) {
  auto lines = read_texts(db, "PRAGMA integrity_check");
  if (!lines)
    return lines.error();
  for (const auto& line : *lines)
    if (line != "ok")
      faults.push_back("integrity_check: " + line);
  return {};
}

/// An index that disagrees with what it was made of makes the statement fail.
result<void> check_text_index(
  connection& db, const std::string& table, std::vector<std::string>& faults) {
  auto name = quote_name(table);
  auto checked = db.execute(
    "INSERT INTO " + name + " (" + name
    + ", rank) VALUES ('integrity-check', 1)");
  if (checked)
    return {};
  auto error = checked.error();
  if (error.code == error_code::busy)
    return error;
  faults.push_back("full-text index " + table + ": " + error.message);
  return {};
}

result<void>
check_text_indexes(connection& db, std::vector<std::string>& faults) {
  auto tables = read_texts(db, find_section("text_indexes"));
  if (!tables)
    return tables.error();
  for (const auto& table : *tables)
    if (auto done = check_text_index(db, table, faults); !done)
      return done;
  return {};
}

result<void> check_rules(connection& db, std::vector<std::string>& faults) {
  for (const auto& section : all_sections()) {
    if (!section.name.starts_with(check_prefix))
      continue;
    auto lines = read_texts(db, section.text);
    if (!lines)
      return lines.error();
    faults.insert(faults.end(), lines->begin(), lines->end());
  }
  return {};
}

/// The size of a file that need not be there. Never opens it: see schema.cpp.
std::int64_t size_of(const std::string& path) {
  std::error_code missing;
  auto bytes = std::filesystem::file_size(path, missing);
  return missing ? 0 : static_cast<std::int64_t>(bytes);
}

} // namespace

result<std::vector<std::string>> find_faults(connection& db) {
  std::vector<std::string> faults;
  for (auto* check : {&check_pages, &check_text_indexes, &check_rules})
    if (auto done = check(db, faults); !done)
      return done.error();
  return faults;
}

result<storage_status> read_status(connection& db) {
  storage_status status;
  status.sqlite_version = sqlite_version();
  status.has_wal_reset_fix = has_wal_reset_fix();
  auto path = db.path();
  status.database_bytes = size_of(path);
  status.wal_bytes = size_of(path + "-wal");
  auto version = read_schema_version(db);
  if (!version)
    return version.error();
  status.schema_version = *version;
  const std::pair<std::int64_t&, result<std::int64_t>> numbers[]{
    {status.epoch, read_epoch(db)},
    {status.journal_entries, journal{}.entries(db)},
    {status.page_bytes, read_pragma(db, "PRAGMA page_size")},
    {status.pages, read_pragma(db, "PRAGMA page_count")},
    {status.free_pages, read_pragma(db, "PRAGMA freelist_count")}};
  for (const auto& [member, number] : numbers) {
    if (!number)
      return number.error();
    member = *number;
  }
  status.readers = find_wal_readers(path);
  return status;
}

} // namespace dbproxy
