// What the commands that list and search have in common: their options, and
// rows as a table or as JSON.
#pragma once

#include "app/commands/command.hpp"
#include "app/commands/text_table.hpp"
#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

struct listing_request {
  std::string query;
  std::int64_t limit = 10;
  std::optional<std::string> embedder; ///< a command
  bool as_json = false;
};

/// Adds --json.
void add_json(CLI::App& command, bool& as_json);

/// Adds --embedder.
void add_embedder(CLI::App& command, std::optional<std::string>& embedder);

/// Adds QUERY, --limit, --embedder and --json.
void add_search(CLI::App& command, listing_request& request);

/// Adds --jobs.
void add_jobs(CLI::App& command, std::size_t& jobs);

/// True where rows are printed as JSON: it is asked for, or standard output is
/// no terminal.
bool prints_json(bool as_json);

void print_table(const text_table& table);

/// A point in time as a table shows it, in UTC.
std::string shown_time(std::int64_t unix_seconds);

/// A score as a table shows it.
std::string shown_score(double score);

/// Runs a search: with the vector of its query, if there is an embedder, and
/// the database.
int with_query(
  const std::string& database, const listing_request& request,
  const std::function<
    int(const querier&, std::optional<std::vector<float>> embedding)>& work);

/// Prints what a read has given, each row as `row_of` shows it. An exit status.
template <class Row, class RowOf>
int print_rows(
  const result<std::vector<Row>>& rows, bool as_json, text_table table,
  RowOf row_of) {
  if (!rows)
    return print_error(rows.error());
  if (prints_json(as_json)) {
    print_line(encode(*rows));
    return succeeded;
  }
  for (const auto& row : *rows)
    table.add(row_of(row));
  print_table(table);
  return succeeded;
}

} // namespace dbproxy
