// The checks of a database's soundness: a sound one has no faults, and each
// kind of fault is found and told.
#define CAF_SUITE storage_integrity
#include "storage/integrity.hpp"

#include "storage/schema.hpp"
#include "storage/scopes.hpp"
#include "storage/sql_text.hpp"
#include "temp_database.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture {
  fixture() {
    sql("INSERT INTO sessions (id, title, message_count) VALUES ('s', '', 2);"
        "INSERT INTO messages (id, session_id, role) VALUES ('m', 's', '');"
        "INSERT INTO prompt_templates (id, name, section, content)"
        " VALUES ('t', '', '', '');"
        "INSERT INTO session_scores (id, session_id, template_id, reward,"
        " success_score, efficiency_score) VALUES ('c', 's', 't', 0.1, 0, 0),"
        " ('d', 's', 't', 0.2, 0, 0), ('e', 's', NULL, 0.2, 0, 0);"
        "INSERT INTO dbproxy_journal (request_id, source, method,"
        " fingerprint, result, committed_at) VALUES ('r', '', '', 0, '{}', 0)");
  }

  void sql(std::string_view text) { must(db.execute(text)); }

  /// One row of each table of the remembrances.
  void add_remembrances() {
    sql("INSERT INTO kb_documents (file_path, content, chunk_count)"
        " VALUES ('d', '', 1);"
        "INSERT INTO kb_chunks (document, chunk_index, content)"
        " VALUES (1, 0, 'chunk');"
        "INSERT INTO events (subject, content) VALUES ('', 'event');"
        "INSERT INTO code_projects (project_id, name, root_path, status)"
        " VALUES ('p', '', '', '');"
        "INSERT INTO code_files (project_id, root_path, file_path, language,"
        " file_hash, symbol_count) VALUES ('p', '', 'f', '', '', 1);"
        "INSERT INTO code_symbols (file, project_id, id, symbol_type,"
        " start_line, end_line, start_byte, end_byte, name, name_path)"
        " VALUES (1, 'p', 's', '', 1, 1, 0, 0, 'name', 'path')");
  }

  /// The faults after something was done behind the triggers' back.
  std::string faults_after(std::string_view damage) {
    sql("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
    sql(damage);
    sql("PRAGMA foreign_keys = ON; PRAGMA ignore_check_constraints = OFF");
    std::string joined;
    for (const auto& fault : must(find_faults(db)))
      joined += (joined.empty() ? "" : "; ") + fault;
    return joined;
  }

  temp_database files;
  connection db = files.open();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(integrity_tests, fixture)

CAF_TEST(a sound database has no faults) {
  CAF_CHECK(must(find_faults(db)).empty());
  sql("DELETE FROM sessions");
  CAF_CHECK(must(find_faults(db)).empty());
}

CAF_TEST(a broken constraint is found) {
  CAF_CHECK_EQUAL(
    faults_after("UPDATE sessions SET prompt_tokens = -1"),
    "integrity_check: CHECK constraint failed in sessions");
}

CAF_TEST(a missing row of a foreign key is found) {
  CAF_CHECK_EQUAL(
    faults_after("UPDATE messages SET session_id = 'absent'"),
    "foreign_key_check: row 1 of messages refers to a row of sessions that "
    "is "
    "not there");
}

CAF_TEST(a wrong count of messages is found) {
  CAF_CHECK_EQUAL(
    faults_after("UPDATE sessions SET message_count = 7"),
    "sessions: s has message_count 7, but 2 to begin with and 1 messages");
}

CAF_TEST(a wrong standing of a template is found) {
  CAF_CHECK_EQUAL(
    faults_after("UPDATE prompt_ucb_stats SET avg_reward = 9"),
    "prompt_ucb_stats: t has avg_reward 9 and ucb_score 0.15, not 0.3 / 2");
  CAF_CHECK_EQUAL(
    faults_after("UPDATE prompt_ucb_stats SET times_used = 1,"
                 " avg_reward = total_reward, ucb_score = total_reward"),
    "prompt_ucb_stats: t has 2 scores but times_used 1");
  CAF_CHECK_EQUAL(
    faults_after("DELETE FROM prompt_ucb_stats"),
    "prompt_ucb_stats: t has 2 scores but times_used 0");
}

CAF_TEST(a journal entry without a result is found) {
  CAF_CHECK_EQUAL(
    faults_after("UPDATE dbproxy_journal SET result = '{'"),
    "dbproxy_journal: entry 1 has a result that is no JSON");
}

CAF_TEST(a missing epoch is found) {
  CAF_CHECK_EQUAL(
    faults_after("UPDATE dbproxy_meta SET value = 'one'"),
    "dbproxy_meta: the epoch is missing or no positive integer");
}

CAF_TEST(a full text index that disagrees with its rows is found) {
  sql("CREATE TABLE docs (body);"
      "CREATE VIRTUAL TABLE \"docs \"\"fts\" USING fts5"
      " (body, content = 'docs');"
      "CREATE VIRTUAL TABLE own USING fts5 (body);"
      "INSERT INTO docs VALUES ('one two');"
      "INSERT INTO \"docs \"\"fts\" (rowid, body) VALUES (1, 'one two');"
      "INSERT INTO own VALUES ('three')");
  CAF_CHECK(must(find_faults(db)).empty());
  CAF_CHECK(contains(
    faults_after("UPDATE docs SET body = 'other words'"),
    "full-text index docs \"fts: "));
  sql("UPDATE docs SET body = 'one two'");
  CAF_CHECK(
    contains(faults_after("DELETE FROM own_content"), "full-text index own: "));
}

CAF_TEST(wrong counts of chunks and symbols are found) {
  add_remembrances();
  CAF_CHECK(must(find_faults(db)).empty());
  CAF_CHECK_EQUAL(
    faults_after("UPDATE kb_documents SET chunk_count = 3"),
    "kb_documents: d has chunk_count 3, but 1 chunks");
  sql("UPDATE kb_documents SET chunk_count = 1");
  CAF_CHECK_EQUAL(
    faults_after("DELETE FROM code_symbols"),
    "code_files: f of p has symbol_count 1, but 0 symbols");
}

CAF_TEST(a symbol of another project than its file is found) {
  add_remembrances();
  CAF_CHECK_EQUAL(
    faults_after("UPDATE code_symbols SET project_id = 'q'"),
    "code_symbols: s is of project q, but its file is of p");
}

CAF_TEST(what is no JSON object is found) {
  add_remembrances();
  CAF_CHECK_EQUAL(
    faults_after("UPDATE kb_documents SET metadata = '[]';"
                 "UPDATE events SET metadata = '{';"
                 "UPDATE code_symbols SET metadata = '1';"
                 "UPDATE code_projects SET language_stats = ''"),
    "kb_documents: the metadata of d is no JSON object; "
    "events: the metadata of 1 is no JSON object; "
    "code_symbols: the metadata of s is no JSON object; "
    "code_projects: the language_stats of p is no JSON object");
}

CAF_TEST(a full text index that its triggers did not keep is found) {
  add_remembrances();
  for (auto [table, column] :
       {std::pair<std::string, std::string>{"kb_chunks_fts", "content"},
        {"events_fts", "subject"},
        {"code_symbols_fts", "signature"}}) {
    auto damage =
      "INSERT INTO " + table + " (rowid, " + column + ") VALUES (99, 'stray')";
    CAF_CHECK(
      contains(faults_after(damage), "full-text index " + table + ": "));
    sql("INSERT INTO " + table + " (" + table + ") VALUES ('rebuild')");
    CAF_CHECK(must(find_faults(db)).empty());
  }
  CAF_CHECK(contains(
    faults_after("DROP TRIGGER events_reindexed;"
                 "UPDATE events SET content = 'other words'"),
    "full-text index events_fts: "));
}

CAF_TEST(the number of faults told is bounded) {
  sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
      " WHERE i < 500) INSERT INTO sessions (id, title) SELECT i, '' FROM n");
  sql("UPDATE sessions SET message_count = 9");
  CAF_CHECK_EQUAL(must(find_faults(db)).size(), 100u);
}

CAF_TEST(a check that cannot be made is an error) {
  sql("CREATE VIRTUAL TABLE own USING fts5 (body)");
  auto other = files.open();
  auto held = must(immediate_transaction::begin(other));
  CAF_CHECK_EQUAL(must_fail(find_faults(db)).code, error_code::busy);
}

CAF_TEST(the status tells sizes and versions) {
  must(raise_epoch(db, std::nullopt));
  auto reader = files.open(access::read_only);
  auto status = must(read_status(reader));
  CAF_CHECK_EQUAL(status.sqlite_version, std::string{sqlite_version()});
  CAF_CHECK_EQUAL(status.has_wal_reset_fix, has_wal_reset_fix());
  CAF_CHECK_EQUAL(status.schema_version, newest_schema_version());
  CAF_CHECK_EQUAL(status.epoch, 1);
  CAF_CHECK_EQUAL(status.journal_entries, 1);
  CAF_CHECK_EQUAL(status.page_bytes, 4096);
  CAF_CHECK(status.pages > 20);
  CAF_CHECK_EQUAL(status.free_pages, 0);
  CAF_CHECK_EQUAL(
    status.wal_bytes, static_cast<std::int64_t>(
                        std::filesystem::file_size(files.path() + "-wal")));
  CAF_CHECK_EQUAL(
    status.database_bytes,
    static_cast<std::int64_t>(std::filesystem::file_size(files.path())));
}

CAF_TEST_FIXTURE_SCOPE_END()
