// Remembered events: saving them, replacing those of a session, lists and the
// search.
#define CAF_SUITE storage_memory_events
#include "storage/memory_events.hpp"

#include "remembrances.hpp"
#include "storage/sql_text.hpp"

#include <limits>
#include <string>
#include <string_view>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture : remembrance_fixture {
  std::string listed(std::string_view params) {
    return each(call("EventsList", params), "content");
  }

  std::string found(std::string_view params) {
    return each(call("EventsSearch", params), "content");
  }

  /// Events at the times 1 to 5, two of a session.
  void add_five() {
    sql("INSERT INTO events"
        " (session_id, subject, content, created_at, embedding) VALUES"
        " (NULL, 'build', 'one fails', 1, x'0000803F00000000'),"
        " ('s', 'build', 'two fails', 2, x'0000803F0000803F'),"
        " ('s', 'test', 'three fails', 3, x'000000000000803F'),"
        " (NULL, 'test', 'four fails', 4, NULL),"
        " (NULL, 'test', 'five fails', 4, x'0000803F')");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(memory_events_tests, fixture)

CAF_TEST(a saved event has the id that was returned) {
  CHECK_JSON(
    call("SaveEvent", R"({"subject":"S","content":"C","metadata":{"a":[1]},
         "embedding":[1,0.5]})"),
    "1");
  CHECK_JSON(
    call("SaveEvent", R"({"subject":"","content":"","metadata":{}})"), "2");
  CHECK_JSON(
    call("EventsList"),
    R"([{"id":2,"session_id":null,"subject":"","content":"","metadata":{},
    "created_at":"now"},
    {"id":1,"session_id":null,"subject":"S","content":"C","metadata":{"a":[1]},
    "created_at":"now"}])");
  CAF_CHECK(
    rows(db, "SELECT hex(embedding), embedding IS NULL FROM events ORDER BY id")
    == (std::vector<std::string>{"0000803F0000003F|0", "|1"}));
  sql("DELETE FROM events");
  CHECK_JSON(
    call("SaveEvent", R"({"subject":"","content":"","metadata":{}})"), "3");
}

CAF_TEST(a session gets one event of each chunk) {
  add_five();
  CHECK_JSON(
    call("ReplaceSessionEvents", R"({"session_id":"s","subject":"sum",
         "metadata":{"m":1},"chunks":["A","B"],"embeddings":[[1,2],[3,4]]})"),
    "null");
  CHECK_JSON(
    call("EventsList", R"({"session_id":"s"})"),
    R"([{"id":7,"session_id":"s","subject":"sum","content":"B",
    "metadata":{"m":1},"created_at":"now"},
    {"id":6,"session_id":"s","subject":"sum","content":"A","metadata":{"m":1},
    "created_at":"now"}])");
  CAF_CHECK(
    rows(db, "SELECT hex(embedding) FROM events WHERE id > 5 ORDER BY id")
    == (std::vector<std::string>{"0000803F00000040", "0000404000008040"}));
  CAF_CHECK_EQUAL(found(R"({"query":"two three","limit":9})"), "");
  CHECK_JSON(
    call("ReplaceSessionEvents", R"({"session_id":"s","subject":"",
         "metadata":{},"chunks":["only"]})"),
    "null");
  CAF_CHECK_EQUAL(listed(R"({"session_id":"s"})"), "only ");
  CHECK_JSON(
    call("ReplaceSessionEvents", R"({"session_id":"s","subject":"",
         "metadata":{},"chunks":[]})"),
    "null");
  CAF_CHECK_EQUAL(listed(R"({"session_id":"s"})"), "");
  CAF_CHECK_EQUAL(is("SELECT count(*) FROM events"), "3");
}

CAF_TEST(events are listed newest first) {
  add_five();
  CAF_CHECK_EQUAL(
    listed("{}"), "five fails four fails three fails two fails one fails ");
  CAF_CHECK_EQUAL(listed(R"({"limit":2})"), "five fails four fails ");
  CAF_CHECK_EQUAL(listed(R"({"limit":0})"), "");
  CAF_CHECK_EQUAL(
    listed(R"({"subject":"test","limit":9})"),
    "five fails four fails three fails ");
  CAF_CHECK_EQUAL(listed(R"({"session_id":"s"})"), "three fails two fails ");
  CAF_CHECK_EQUAL(
    listed(R"({"session_id":"s","subject":"build"})"), "two fails ");
  CAF_CHECK_EQUAL(listed(R"({"session_id":"s","subject":"none"})"), "");
  CAF_CHECK_EQUAL(listed(R"({"session_id":""})"), "");
}

CAF_TEST(a list without a limit has as many as a search at most) {
  sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
      " WHERE i <= 1000) INSERT INTO events (subject, content, created_at)"
      " SELECT 'n', i, 7 FROM n");
  for (const auto* params : {"{}", R"({"subject":"n"})"}) {
    auto list = call("EventsList", params);
    CAF_CHECK_EQUAL(
      static_cast<std::int64_t>(list.as_array().size()),
      limits::search_results_max);
    CHECK_JSON(list.at(0).at("content"), R"("1001")");
    CHECK_JSON(list.at(999).at("content"), R"("2")");
  }
}

CAF_TEST(a list reads no more than it returns) {
  auto query = must(db.prepare(
    "EXPLAIN QUERY PLAN "
    + script{find_section("EventsList")}.statements().front()));
  std::string plan;
  while (must(query.step()))
    plan += std::string{query.text(3)} + "\n";
  for (const auto* step :
       {"USING INDEX events_by_session (session_id=?)",
        "USING INDEX events_by_subject (subject=?)",
        "USING INDEX events_by_age"})
    CAF_CHECK(contains(plan, step));
  CAF_CHECK(!contains(plan, "TEMP B-TREE"));
}

CAF_TEST(a search filters before it ranks and cuts) {
  add_five();
  CAF_CHECK_EQUAL(
    found(R"({"query":"fails","subject":"build","limit":9})"),
    "one fails two fails ");
  CAF_CHECK_EQUAL(
    found(R"({"query":"fails","from":2,"to":3,"limit":9})"),
    "two fails three fails ");
  CAF_CHECK_EQUAL(
    found(R"({"query":"fails","from":4,"limit":9})"), "four fails five fails ");
  CAF_CHECK_EQUAL(found(R"({"query":"fails","to":1,"limit":9})"), "one fails ");
  CAF_CHECK_EQUAL(found(R"({"query":"fails","from":3,"to":2,"limit":9})"), "");
  CAF_CHECK_EQUAL(
    found(R"({"query":"","embedding":[0,1],"limit":9})"),
    "three fails two fails one fails ");
  CAF_CHECK_EQUAL(
    found(R"({"query":"","embedding":[0,1],"subject":"build","limit":1})"),
    "two fails ");
  CAF_CHECK_EQUAL(
    found(R"({"query":"","embedding":[0,1],"from":2,"to":2,"limit":9})"),
    "two fails ");
  CAF_CHECK_EQUAL(
    found(R"({"query":"test","limit":9})"),
    "three fails four fails five fails "); // by subject
  CAF_CHECK_EQUAL(found(R"({"query":"fails","limit":0})"), "");
}

CAF_TEST(a filter finds what many better hits would hide) {
  sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
      " WHERE i < 300) INSERT INTO events (subject, content, embedding)"
      " SELECT 'many', 'word', x'0000803F00000000' FROM n;"
      "INSERT INTO events (subject, content, embedding) VALUES"
      " ('rare', 'a word among others', x'0000803F0000803F')");
  CAF_CHECK_EQUAL(
    found(R"({"query":"word","subject":"rare","limit":1})"),
    "a word among others ");
  CAF_CHECK_EQUAL(
    found(R"({"query":"","embedding":[1,0],"subject":"rare","limit":1})"),
    "a word among others ");
}

CAF_TEST(a hit has its row and its score) {
  call("SaveEvent", R"({"subject":"S","content":"C","metadata":{"a":1},
       "embedding":[1,0]})");
  auto hits =
    call("EventsSearch", R"({"query":"c","embedding":[1,1],"limit":5})");
  CAF_REQUIRE_EQUAL(hits.as_array().size(), 1u);
  CAF_CHECK_EQUAL(hits.at(0).at("score").as_double(), 2.0 / 61);
  hits.at(0).as_object().erase("score");
  CHECK_JSON(hits, R"([{"id":1,"session_id":null,"subject":"S","content":"C",
    "metadata":{"a":1},"created_at":"now"}])");
}

CAF_TEST(parameters are checked) {
  save_event event{"s", "c", {}, {{}}};
  CAF_CHECK_EQUAL(
    refused(event), "INVALID_PARAMS: field \"embedding\" is an empty vector");
  event.embedding = {1, std::numeric_limits<float>::quiet_NaN()};
  CAF_CHECK_EQUAL(
    refused(event),
    "INVALID_PARAMS: field \"embedding[1]\" is not a finite number");
  event.embedding.emplace(limits::embedding_dimensions_max + 1, 1.0F);
  CAF_CHECK(contains(refused(event), "embedding_dimensions_max = 16384"));
  replace_session_events events{"", "", {}, {"a"}, {{{1}, {2}}}};
  CAF_CHECK_EQUAL(
    refused(events), "INVALID_PARAMS: field \"session_id\" is empty");
  events.session_id = "s";
  CAF_CHECK_EQUAL(
    refused(events),
    "INVALID_PARAMS: field \"embeddings\" has 2 elements for 1 chunks");
  for (const auto* method : {"EventsList", "EventsSearch"}) {
    std::string query =
      method == std::string{"EventsList"} ? "{" : R"({"query":"",)";
    CAF_CHECK_EQUAL(
      call.error(method, query + R"("limit":-1})"),
      "INVALID_PARAMS: field \"limit\" is negative");
    CAF_CHECK_EQUAL(
      call.error(method, query + R"("limit":1001})"),
      "INVALID_PARAMS: field \"limit\" is more than search_results_max = "
      "1000");
  }
}

CAF_TEST(the full text follows those who write plain SQL) {
  add_five();
  sql("UPDATE events SET subject = 'deploy' WHERE id = 1;"
      "UPDATE events SET content = 'changed' WHERE id = 2;"
      "UPDATE events SET created_at = 9 WHERE id = 3;"
      "UPDATE events SET rowid = 50 WHERE id = 4;"
      "DELETE FROM events WHERE id = 5");
  CAF_CHECK_EQUAL(found(R"({"query":"deploy","limit":9})"), "one fails ");
  CAF_CHECK_EQUAL(found(R"({"query":"build","limit":9})"), "changed ");
  CAF_CHECK_EQUAL(found(R"({"query":"changed","limit":9})"), "changed ");
  CAF_CHECK_EQUAL(found(R"({"query":"four","limit":9})"), "four fails ");
  CAF_CHECK_EQUAL(found(R"({"query":"five","limit":9})"), "");
}

CAF_TEST_FIXTURE_SCOPE_END()
