// The rules that the schema keeps for everybody: dbproxy, the host and any
// other SQLite tool.
#define CAF_SUITE storage_schema_rules
#include "temp_database.hpp"

#include <string>
#include <string_view>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture : method_fixture {
  fixture() {
    sql("INSERT INTO sessions (id, title) VALUES ('s', 'S'), ('other', 'O');"
        "INSERT INTO prompt_templates (id, name, section, content)"
        " VALUES ('t', 'T', 'system', '...')");
  }

  void sql(std::string_view text) { must(db.execute(text)); }

  std::string refused(std::string_view text) {
    return failure(db.execute(text));
  }

  std::string is(std::string_view query) { return row(db, query); }

  std::string count(std::string_view session) {
    return is(
      "SELECT message_count FROM sessions WHERE id = '" + std::string{session}
      + "'");
  }

  void add_message(std::string_view id, std::string_view session) {
    sql(
      "INSERT INTO messages (id, session_id, role) VALUES ('" + std::string{id}
      + "', '" + std::string{session} + "', 'user')");
  }

  void add_score(
    std::string_view id, std::string_view template_id,
    std::string_view reward) {
    sql(
      "INSERT INTO session_scores (id, session_id, template_id, reward,"
      " success_score, efficiency_score) VALUES ('"
      + std::string{id} + "', 's', " + std::string{template_id} + ", "
      + std::string{reward} + ", 0, 0)");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(schema_rules_tests, fixture)

CAF_TEST(what belongs to a session goes with it) {
  add_message("m", "s");
  sql("INSERT INTO files (id, session_id, path, content, version)"
      " VALUES ('f', 's', '/p', '', 'v1')");
  add_score("c", "'t'", "1");
  sql("DELETE FROM sessions WHERE id = 's'");
  CAF_CHECK_EQUAL(
    is("SELECT (SELECT count(*) FROM messages),"
       " (SELECT count(*) FROM files), (SELECT count(*) FROM session_scores),"
       " (SELECT group_concat(id) FROM sessions)"),
    "0|0|0|other");
}

CAF_TEST(what belongs to a session needs one) {
  auto conflict = "CONFLICT: FOREIGN KEY constraint failed";
  CAF_CHECK_EQUAL(
    refused("INSERT INTO messages (id, session_id, role)"
            " VALUES ('m', 'absent', 'user')"),
    conflict);
  CAF_CHECK_EQUAL(
    refused("INSERT INTO files (id, session_id, path, content, version)"
            " VALUES ('f', 'absent', '/p', '', 'v1')"),
    conflict);
  CAF_CHECK_EQUAL(
    refused(
      "INSERT INTO session_scores (id, session_id, reward,"
      " success_score, efficiency_score) VALUES ('c', 'absent', 0, 0, 0)"),
    conflict);
  CAF_CHECK_EQUAL(
    refused("INSERT INTO session_scores (id, session_id, template_id, reward,"
            " success_score, efficiency_score)"
            " VALUES ('c', 's', 'absent', 0, 0, 0)"),
    conflict);
}

CAF_TEST(a parent need not be there) {
  sql("INSERT INTO sessions (id, parent_session_id, title)"
      " VALUES ('child', 'absent', 'C')");
  CAF_CHECK_EQUAL(
    is("SELECT parent_session_id FROM sessions WHERE id = 'child'"), "absent");
}

CAF_TEST(a score and a skill outlive their template) {
  add_score("c", "'t'", "1");
  sql("INSERT INTO skills (id, title, content, source_session_id,"
      " source_template_id, task_type) VALUES ('k', '', '', 'other', 't', '')");
  sql("DELETE FROM prompt_templates WHERE id = 't';"
      "DELETE FROM sessions WHERE id = 'other'");
  CAF_CHECK_EQUAL(is("SELECT id, template_id FROM session_scores"), "c|NULL");
  CAF_CHECK_EQUAL(
    is("SELECT id, source_session_id, source_template_id FROM skills"),
    "k|NULL|NULL");
  CAF_CHECK_EQUAL(is("SELECT count(*) FROM prompt_ucb_stats"), "0");
}

CAF_TEST(messages are counted in and out and over) {
  sql("INSERT INTO sessions (id, title, message_count) VALUES ('b', '', 10)");
  CAF_CHECK_EQUAL(
    is("SELECT message_count, message_count_base FROM sessions WHERE id = "
       "'b'"),
    "10|10");
  add_message("m1", "b");
  add_message("m2", "b");
  add_message("m3", "s");
  CAF_CHECK_EQUAL(count("b"), "12");
  sql("UPDATE messages SET session_id = 's' WHERE id = 'm1'");
  CAF_CHECK_EQUAL(count("b"), "11");
  CAF_CHECK_EQUAL(count("s"), "2");
  sql("UPDATE messages SET session_id = session_id, role = 'x'");
  CAF_CHECK_EQUAL(count("s"), "2");
  sql("DELETE FROM messages WHERE session_id = 's'");
  CAF_CHECK_EQUAL(count("s"), "0");
  CAF_CHECK_EQUAL(count("b"), "11");
}

CAF_TEST(a message can be deleted whatever became of the count) {
  add_message("m", "s");
  sql("UPDATE sessions SET message_count = 0; DELETE FROM messages");
  CAF_CHECK_EQUAL(count("s"), "0");
}

CAF_TEST(a count that would overflow is refused) {
  sql("INSERT INTO sessions (id, title, message_count)"
      " VALUES ('full', '', 9223372036854775807)");
  CAF_CHECK(contains(
    refused("INSERT INTO messages (id, session_id, role)"
            " VALUES ('m', 'full', 'user')"),
    "CONFLICT: CHECK constraint failed: typeof(message_count)"));
  CAF_CHECK_EQUAL(count("full"), "9223372036854775807");
}

CAF_TEST(every update renews updated_at) {
  add_message("m", "s");
  sql("INSERT INTO files (id, session_id, path, content, version)"
      " VALUES ('f', 's', '/p', '', 'v1')");
  for (std::string table : {"sessions", "messages", "files"}) {
    CAF_MESSAGE(table);
    sql("UPDATE " + table + " SET updated_at = 5, created_at = 7");
    CAF_CHECK_EQUAL(
      is(
        "SELECT max(updated_at) <= unixepoch(), min(updated_at) > 1.7e9,"
        " max(created_at) FROM "
        + table),
      "1|1|7");
  }
}

CAF_TEST(a message that comes or goes renews its session) {
  auto age = [this] {
    // as a tool would that restores an old row
    sql("DELETE FROM sessions WHERE id = 'old';"
        "INSERT INTO sessions (id, title, message_count, updated_at)"
        " VALUES ('old', '', 3, 5)");
    CAF_CHECK_EQUAL(
      is("SELECT updated_at, message_count_base FROM sessions"
         " WHERE id = 'old'"),
      "5|3");
  };
  auto is_renewed = "SELECT updated_at > 1.7e9 FROM sessions WHERE id = 'old'";
  age();
  add_message("m1", "old");
  CAF_CHECK_EQUAL(is(is_renewed), "1");
  age();
  CAF_CHECK_EQUAL(is(is_renewed), "0");
}

CAF_TEST(negative numbers are refused) {
  for (std::string column :
       {"message_count", "prompt_tokens", "completion_tokens", "cost"})
    CAF_CHECK(contains(
      refused("UPDATE sessions SET " + column + " = -1"),
      "CONFLICT: CHECK constraint failed: "));
  add_score("c", "'t'", "-1"); // a reward may be negative
  for (std::string column :
       {"message_count", "prompt_tokens", "completion_tokens",
        "user_corrections"})
    CAF_CHECK_EQUAL(
      refused("UPDATE session_scores SET " + column + " = -1"),
      "CONFLICT: CHECK constraint failed: " + column + " >= 0");
  sql("INSERT INTO skills (id, title, content, task_type)"
      " VALUES ('k', '', '', '')");
  CAF_CHECK(
    contains(refused("UPDATE skills SET usage_count = -1"), "CONFLICT: CHECK"));
  CAF_CHECK(contains(
    refused("UPDATE prompt_ucb_stats SET times_used = -1"), "CONFLICT: CHECK"));
}

CAF_TEST(flags are zero or one) {
  sql("INSERT INTO projects (id, name, path, status) VALUES ('p', '', '', '');"
      "INSERT INTO skills (id, title, content, task_type)"
      " VALUES ('k', '', '', '')");
  for (std::string flag :
       {"projects SET initialized", "prompt_templates SET is_active",
        "prompt_templates SET is_default", "skills SET is_active"})
    CAF_CHECK(contains(
      refused("UPDATE " + flag + " = 2"), "CONFLICT: CHECK constraint failed"));
}

CAF_TEST(what must be unique is unique) {
  sql("INSERT INTO files (id, session_id, path, content, version)"
      " VALUES ('f', 's', '/p', '', 'v1'), ('g', 's', '/p', '', 'v2'),"
      " ('h', 'other', '/p', '', 'v1');"
      "INSERT INTO projects (id, name, path, status)"
      " VALUES ('p', '', '/p', '');"
      "INSERT INTO prompt_templates (id, name, section, content, version)"
      " VALUES ('t2', 'T', 'system', '', 2)");
  CAF_CHECK_EQUAL(
    refused("UPDATE files SET version = 'v1' WHERE id = 'g'"),
    "CONFLICT: UNIQUE constraint failed: files.path, files.session_id, "
    "files.version");
  CAF_CHECK_EQUAL(
    refused("INSERT INTO projects (id, name, path, status)"
            " VALUES ('q', '', '/p', '')"),
    "CONFLICT: UNIQUE constraint failed: projects.path");
  CAF_CHECK_EQUAL(
    refused("UPDATE prompt_templates SET version = 2"),
    "CONFLICT: UNIQUE constraint failed: prompt_templates.name, "
    "prompt_templates.version");
  sql("INSERT INTO projects (id, name, path, status)"
      " VALUES ('q', '', '/q', '')");
  for (std::string table : {"sessions", "files", "projects"})
    CAF_CHECK_EQUAL(
      refused(
        "UPDATE " + table + " SET id = (SELECT min(id) FROM " + table
        + ") WHERE id = (SELECT max(id) FROM " + table + ")"),
      "CONFLICT: UNIQUE constraint failed: " + table + ".id");
}

CAF_TEST(only the nullable columns take null values) {
  for (std::string column :
       {"sessions.id", "sessions.title", "sessions.message_count",
        "sessions.prompt_tokens", "sessions.completion_tokens", "sessions.cost",
        "sessions.updated_at", "sessions.created_at", "prompt_templates.id",
        "prompt_templates.name", "prompt_templates.section",
        "prompt_templates.content", "prompt_templates.version",
        "prompt_templates.is_active", "prompt_templates.is_default",
        "prompt_templates.created_at"}) {
    auto dot = column.find('.');
    CAF_CHECK_EQUAL(
      refused(
        "UPDATE " + column.substr(0, dot) + " SET " + column.substr(dot + 1)
        + " = " + "NULL"),
      "CONFLICT: NOT NULL constraint failed: " + column);
  }
  sql("UPDATE sessions SET parent_session_id = NULL,"
      " summary_message_id = NULL");
}

CAF_TEST(every column of a record is there and null where it may be) {
  auto shape = [this](std::string table) {
    return is(
      "SELECT group_concat(name || iif(\"notnull\", '', '?'), ' ')"
      " FROM pragma_table_info('"
      + table + "')");
  };
  CAF_CHECK_EQUAL(
    shape("sessions"),
    "id parent_session_id? title message_count prompt_tokens "
    "completion_tokens cost updated_at created_at summary_message_id? "
    "message_count_base");
  CAF_CHECK_EQUAL(
    shape("messages"), "id session_id role parts model? created_at updated_at "
                       "finished_at?");
  CAF_CHECK_EQUAL(
    shape("files"), "id session_id path content version created_at updated_at");
  CAF_CHECK_EQUAL(
    shape("projects"), "id name path status initialized acp_pid? acp_port? "
                       "last_opened? created_at updated_at");
  CAF_CHECK_EQUAL(
    shape("prompt_templates"), "id name section content version is_active "
                               "is_default created_at updated_at");
  CAF_CHECK_EQUAL(
    shape("session_scores"),
    "id session_id template_id? reward success_score efficiency_score "
    "judge_analysis? judge_model? prompt_tokens completion_tokens "
    "message_count user_corrections evaluated_at created_at");
  CAF_CHECK_EQUAL(
    shape("prompt_ucb_stats"), "template_id times_used total_reward "
                               "avg_reward ucb_score last_used_at? updated_at");
  CAF_CHECK_EQUAL(
    shape("skills"), "id title content source_session_id? source_template_id? "
                     "task_type usage_count success_rate is_active created_at "
                     "updated_at");
}

CAF_TEST(a score keeps the standing of its template) {
  auto standing = "SELECT times_used, total_reward, avg_reward, ucb_score,"
                  " last_used_at > 1.7e9, updated_at > 1.7e9"
                  " FROM prompt_ucb_stats WHERE template_id = 't'";
  add_score("c1", "NULL", "100");
  CAF_CHECK_EQUAL(is("SELECT count(*) FROM prompt_ucb_stats"), "0");
  add_score("c2", "'t'", "1.0");
  CAF_CHECK_EQUAL(is(standing), "1|1.0|1.0|1.0|1|1");
  add_score("c3", "'t'", "0.5");
  CAF_CHECK_EQUAL(is(standing), "2|1.5|0.75|0.75|1|1");
  sql("DELETE FROM sessions WHERE id = 's'");
  CAF_CHECK_EQUAL(is("SELECT count(*) FROM session_scores"), "0");
  CAF_CHECK_EQUAL(is(standing), "2|1.5|0.75|0.75|1|1");
}

CAF_TEST(a standing without scores begins at the top) {
  sql("INSERT INTO prompt_ucb_stats (template_id) VALUES ('t')");
  CAF_CHECK_EQUAL(
    is("SELECT times_used, total_reward, avg_reward, ucb_score, last_used_at"
       " FROM prompt_ucb_stats"),
    "0|0.0|0.0|9999.0|NULL");
}

CAF_TEST_FIXTURE_SCOPE_END()
