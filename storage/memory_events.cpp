#include "storage/memory_events.hpp"

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

struct event_row {
  std::optional<std::string_view> session_id;
  std::string_view subject;
  std::optional<vector_bytes> embedding;
  std::string_view content;
  std::string_view metadata;
};
BOOST_DESCRIBE_STRUCT(
  event_row, (), (session_id, subject, embedding, content, metadata))

struct session_key {
  std::string_view session_id;
};
BOOST_DESCRIBE_STRUCT(session_key, (), (session_id))

result<std::int64_t> insert(connection& db, const event_row& row) {
  static const script sql{find_section("events_insert")};
  return run_script<std::int64_t>(db, sql, row);
}

/// The events of the session make room for one of each chunk.
result<void> replace(
  connection& db, const replace_session_events& params,
  std::string_view metadata) {
  static const script clear{find_section("events_delete_session")};
  session_key session{params.session_id};
  if (auto done = run_script<void>(db, clear, session); !done)
    return done;
  for (std::size_t i = 0; i < params.chunks.size(); ++i) {
    auto id = insert(
      db, {params.session_id, params.subject, stored_form(params.embeddings, i),
           params.chunks[i], metadata});
    if (!id)
      return id.error();
  }
  return {};
}

} // namespace

std::function<result<std::int64_t>(connection&)>
lay_out(const save_event& params) {
  return [&params,
          metadata = boost::json::serialize(params.metadata)](connection& db) {
    return insert(
      db, {std::nullopt, params.subject, stored_form(params.embedding),
           params.content, metadata});
  };
}

std::function<result<void>(connection&)>
lay_out(const replace_session_events& params) {
  return [&params, metadata = boost::json::serialize(params.metadata)](
           connection& db) { return replace(db, params, metadata); };
}

result<std::vector<memory_event_hit>>
run_search(connection& db, const events_search& params) {
  static const auto sql = load_search("events_search");
  return search<memory_event_hit>(db, sql, params);
}

} // namespace dbproxy
