// dbproxy events: lists and searches what is remembered.
#include "app/commands/command.hpp"
#include "app/commands/remembrances/listing.hpp"
#include "messages/memory_events.hpp"
#include "messages/timestamp.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <memory>
#include <utility>

namespace dbproxy {

namespace {

struct events_list_request {
  events_list wanted;
  bool as_json = false;
};

struct events_search_request {
  listing_request listing;
  events_search wanted;
  std::string from;
  std::string to;
};

/// Unix seconds or RFC 3339.
std::optional<std::int64_t> parse_time(const std::string& text) {
  std::int64_t seconds = 0;
  const auto* end = text.data() + text.size();
  auto [stopped, failure] = std::from_chars(text.data(), end, seconds);
  if (failure == std::errc{} && stopped == end)
    return seconds;
  return unix_seconds_of(text);
}

const CLI::Validator is_time{
  [](const std::string& text) {
    return parse_time(text) ? std::string{}
                            : text + " is neither Unix seconds nor RFC 3339";
  },
  "TIME", "a point in time"};

std::vector<table_column> event_columns() {
  return {
    {"id", shown_part::front, true},
    {"time"},
    {"subject"},
    {"session"},
    {"content"}};
}

template <class Event>
std::vector<std::string> event_texts(const Event& one) {
  return {
    std::to_string(one.id), shown_time(one.created_at), one.subject,
    one.session_id.value_or("-"), one.content};
}

int list(const std::string& database, const events_list_request& request) {
  return with_database(database, [&](const querier& db) {
    return print_rows(
      db.call(request.wanted), request.as_json, text_table{event_columns()},
      event_texts<memory_event>);
  });
}

int search(const std::string& database, const events_search_request& request) {
  return with_query(
    database, request.listing, [&](const querier& db, auto embedding) {
      auto wanted = request.wanted;
      wanted.query = request.listing.query;
      wanted.limit = request.listing.limit;
      wanted.embedding = std::move(embedding);
      if (!request.from.empty())
        wanted.from = parse_time(request.from);
      if (!request.to.empty())
        wanted.to = parse_time(request.to);
      auto columns = event_columns();
      columns.insert(columns.begin(), {"score", shown_part::front, true});
      return print_rows(
        db.call(wanted), request.listing.as_json, text_table{columns},
        [](const memory_event_hit& hit) {
          auto texts = event_texts(hit);
          texts.insert(texts.begin(), shown_score(hit.score));
          return texts;
        });
    });
}

void add_subject(CLI::App& command, std::optional<std::string>& subject) {
  command.add_option("--subject", subject, "Only events of this subject")
    ->type_name("S");
}

void add_events_list(CLI::App& events, program& main) {
  auto* command = events.add_subcommand("list", "List events, newest first");
  auto request = std::make_shared<events_list_request>();
  add_database(*command, main);
  add_subject(*command, request->wanted.subject);
  command
    ->add_option(
      "--session", request->wanted.session_id, "Only events of this session")
    ->type_name("ID");
  command->add_option("--limit", request->wanted.limit, "The most rows")
    ->check(CLI::Range(std::int64_t{1}, limits::search_results_max))
    ->type_name("N");
  add_json(*command, request->as_json);
  command->callback([&main, request] {
    main.run = [&main, request] { return list(main.database, *request); };
  });
}

void add_events_search(CLI::App& events, program& main) {
  auto* command = events.add_subcommand("search", "Find the best events");
  auto request = std::make_shared<events_search_request>();
  add_database(*command, main);
  add_search(*command, request->listing);
  add_subject(*command, request->wanted.subject);
  command
    ->add_option(
      "--from", request->from, "Not before: Unix seconds or RFC 3339")
    ->check(is_time)
    ->type_name("T");
  command
    ->add_option("--to", request->to, "Not after: Unix seconds or RFC 3339")
    ->check(is_time)
    ->type_name("T");
  command->callback([&main, request] {
    main.run = [&main, request] { return search(main.database, *request); };
  });
}

} // namespace

void add_events(CLI::App& app, program& main) {
  auto* events = app.add_subcommand("events", "Remembered events");
  events->require_subcommand(1);
  add_events_list(*events, main);
  add_events_search(*events, main);
}

} // namespace dbproxy
