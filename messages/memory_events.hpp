// Remembered events: what happened, by subject and session, and the search
// over it. (What the primary announces is in messages/events.hpp.)
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

/// `created_at` is in Unix seconds. Events of ReplaceSessionEvents have a
/// session, those of SaveEvent have none.
struct memory_event {
  std::int64_t id = 0;
  std::optional<std::string> session_id;
  std::string subject;
  std::string content;
  boost::json::object metadata;
  std::int64_t created_at = 0;

  bool operator==(const memory_event&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  memory_event, (), (id, session_id, subject, content, metadata, created_at))

/// An event that a search found; a higher score is a better hit.
struct memory_event_hit {
  std::int64_t id = 0;
  std::optional<std::string> session_id;
  std::string subject;
  std::string content;
  boost::json::object metadata;
  std::int64_t created_at = 0;
  double score = 0;

  bool operator==(const memory_event_hit&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  memory_event_hit, (),
  (id, session_id, subject, content, metadata, created_at, score))

// -- writes ------------------------------------------------------------------

/// Returns the event's id.
struct save_event {
  using returns = std::int64_t;
  static constexpr auto spec =
    dispatched_write("SaveEvent", "db.event.created");

  std::string subject;
  std::string content;
  boost::json::object metadata;
  std::optional<std::vector<float>> embedding;
};
BOOST_DESCRIBE_STRUCT(save_event, (), (subject, content, metadata, embedding))

/// Makes one event of each chunk, in the place of those that the session had.
/// `embeddings` are one per chunk, or none.
struct replace_session_events {
  using returns = void;
  static constexpr auto spec =
    dispatched_write("ReplaceSessionEvents", "db.event.replaced");

  std::string session_id;
  std::string subject;
  boost::json::object metadata;
  std::vector<std::string> chunks;
  std::optional<std::vector<std::vector<float>>> embeddings;
};
BOOST_DESCRIBE_STRUCT(
  replace_session_events, (),
  (session_id, subject, metadata, chunks, embeddings))

// -- reads -------------------------------------------------------------------

/// Newest first; of one subject and one session where these are given, and
/// limits::search_results_max where there is no limit.
struct events_list {
  using returns = std::vector<memory_event>;
  static constexpr auto spec = read_method("EventsList");

  std::optional<std::string> subject;
  std::optional<std::string> session_id;
  std::optional<std::int64_t> limit;
};
BOOST_DESCRIBE_STRUCT(events_list, (), (subject, session_id, limit))

/// The best hits first. `query` and `embedding` are those of KBSearch; `from`
/// and `to` are Unix seconds, both included.
struct events_search {
  using returns = std::vector<memory_event_hit>;
  static constexpr auto spec = read_method("EventsSearch");

  std::string query;
  std::optional<std::vector<float>> embedding;
  std::optional<std::string> subject;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  std::int64_t limit = 0;
};
BOOST_DESCRIBE_STRUCT(
  events_search, (), (query, embedding, subject, from, to, limit))

// -- rules -------------------------------------------------------------------

rule_fault check_rules(const save_event& params);
rule_fault check_rules(const replace_session_events& params);
rule_fault check_rules(const events_list& params);
rule_fault check_rules(const events_search& params);

/// The methods of this header, for the catalogue.
using memory_event_methods = boost::mp11::mp_list<
  save_event, replace_session_events, events_list, events_search>;

} // namespace dbproxy
