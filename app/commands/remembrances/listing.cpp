#include "app/commands/remembrances/listing.hpp"

#include "app/commands/remembrances/crew.hpp"
#include "app/commands/remembrances/embedder.hpp"
#include "app/commands/stop_watch.hpp"

#include <CLI/CLI.hpp>

#include <ctime>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>

#include <unistd.h>

namespace dbproxy {

void add_json(CLI::App& command, bool& as_json) {
  command.add_flag("--json", as_json, "One JSON array, also on a terminal");
}

void add_embedder(CLI::App& command, std::optional<std::string>& embedder) {
  command
    .add_option(
      "--embedder", embedder,
      "A shell command that answers each line, a JSON string, with a line: "
      "its vector, a JSON array of numbers")
    ->type_name("CMD");
}

void add_search(CLI::App& command, listing_request& request) {
  command.add_option("QUERY", request.query, "The words to search for")
    ->required();
  command.add_option("--limit", request.limit, "The most rows")
    ->check(CLI::Range(std::int64_t{1}, limits::search_results_max))
    ->type_name("N");
  add_embedder(command, request.embedder);
  add_json(command, request.as_json);
}

void add_jobs(CLI::App& command, std::size_t& jobs) {
  command.add_option("--jobs", jobs, "How many processes do the work")
    ->check(CLI::Range(std::size_t{1}, jobs_max))
    ->type_name("N");
}

bool prints_json(bool as_json) {
  return as_json || isatty(STDOUT_FILENO) == 0;
}

void print_table(const text_table& table) {
  table.print(std::cout, terminal_width());
}

std::string shown_time(std::int64_t unix_seconds) {
  std::time_t seconds = unix_seconds;
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr)
    return std::to_string(unix_seconds);
  std::ostringstream out;
  out << std::put_time(&parts, "%Y-%m-%d %H:%M:%S");
  return out.str();
}

std::string shown_score(double score) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(4) << score;
  return out.str();
}

int with_query(
  const std::string& database, const listing_request& request,
  const std::function<
    int(const querier&, std::optional<std::vector<float>> embedding)>& work) {
  stop_watch watch;
  auto embedding =
    query_embedding(request.embedder, request.query, watch.token());
  if (!embedding)
    return print_error(embedding.error());
  return with_database(database, [&](const querier& db) {
    return work(db, std::move(*embedding));
  });
}

} // namespace dbproxy
