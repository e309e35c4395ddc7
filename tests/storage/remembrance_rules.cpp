// The rules that the schema keeps for the knowledge base, the events and the
// code index, whoever writes.
#define CAF_SUITE storage_remembrance_rules
#include "remembrances.hpp"

#include <sqlite3.h>

#include <string>
#include <string_view>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture : remembrance_fixture {
  fixture() {
    sql("INSERT INTO kb_documents (file_path, content, chunk_count)"
        " VALUES ('d', 'two words', 2);"
        "INSERT INTO kb_chunks (document, chunk_index, content)"
        " VALUES (1, 0, 'two'), (1, 1, 'words');"
        "INSERT INTO events (subject, content) VALUES ('s', 'c');"
        "INSERT INTO code_projects (project_id, name, root_path, status)"
        " VALUES ('p', '', '', '');"
        "INSERT INTO code_files (project_id, root_path, file_path, language,"
        " file_hash, symbol_count) VALUES ('p', '', 'f', '', '', 2);"
        "INSERT INTO code_symbols (file, project_id, id, symbol_type,"
        " start_line, end_line, start_byte, end_byte, name, name_path, parent)"
        " VALUES (1, 'p', 's', '', 1, 2, 3, 4, 'name', 'path', NULL),"
        " (1, 'p', 't', '', 1, 2, 3, 4, 'name', 'path', 1)");
  }

  std::string conflict(std::string_view text) {
    return failure(db.execute(text));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(remembrance_rules_tests, fixture)

CAF_TEST(every column of a record is there and null where it may be) {
  auto shape = [this](const std::string& table) {
    return is(
      "SELECT group_concat(name || iif(\"notnull\", '', '?'), ' ')"
      " FROM pragma_table_xinfo('"
      + table + "')");
  };
  CAF_CHECK_EQUAL(
    shape("kb_documents"), "document? file_path metadata chunk_count "
                           "created_at updated_at content_bytes? content");
  CAF_CHECK_EQUAL(
    shape("kb_chunks"), "chunk? document chunk_index embedding? content");
  CAF_CHECK_EQUAL(
    shape("events"),
    "id? session_id? subject created_at embedding? metadata content");
  CAF_CHECK_EQUAL(
    shape("code_projects"), "project_id name root_path status language_stats "
                            "created_at updated_at last_indexed_at?");
  CAF_CHECK_EQUAL(
    shape("code_files"), "file? project_id root_path file_path language "
                         "file_hash symbol_count indexed_at");
  CAF_CHECK_EQUAL(
    shape("code_symbols"),
    "symbol? file project_id id parent? symbol_type start_line end_line "
    "start_byte end_byte name name_path embedding? signature? metadata? "
    "doc_string? source_code?");
}

CAF_TEST(numbers and vectors that cannot be are refused) {
  for (const auto* update :
       {"kb_documents SET chunk_count = -1",
        "kb_documents SET chunk_count = 'many'",
        "kb_chunks SET chunk_index = -1", "code_files SET symbol_count = -1",
        "code_symbols SET start_line = 0", "code_symbols SET end_line = 0",
        "code_symbols SET start_byte = -1", "code_symbols SET end_byte = 2",
        "kb_chunks SET embedding = 'text'", "kb_chunks SET embedding = x'0000'",
        "events SET embedding = 1", "events SET embedding = x'00'",
        "code_symbols SET embedding = x'0000000000'"})
    CAF_CHECK(contains(
      conflict("UPDATE " + std::string{update}),
      "CONFLICT: CHECK constraint failed: "));
}

CAF_TEST(what must be unique is unique) {
  CAF_CHECK_EQUAL(
    conflict("UPDATE kb_chunks SET chunk_index = 0"),
    "CONFLICT: UNIQUE constraint failed: kb_chunks.document, "
    "kb_chunks.chunk_index");
  CAF_CHECK_EQUAL(
    conflict("UPDATE code_symbols SET id = 's'"),
    "CONFLICT: UNIQUE constraint failed: code_symbols.project_id, "
    "code_symbols.id");
  CAF_CHECK_EQUAL(
    conflict("INSERT INTO code_files (project_id, root_path, file_path,"
             " language, file_hash) VALUES ('p', '', 'f', '', '')"),
    "CONFLICT: UNIQUE constraint failed: code_files.project_id, "
    "code_files.file_path");
}

CAF_TEST(what belongs to something needs it) {
  for (const auto* update :
       {"kb_chunks SET document = 9", "code_files SET project_id = 'q'",
        "code_symbols SET file = 9", "code_symbols SET parent = 9"})
    CAF_CHECK_EQUAL(
      conflict("UPDATE " + std::string{update}),
      "CONFLICT: FOREIGN KEY constraint failed");
  sql("UPDATE events SET session_id = 'of no session'");
}

CAF_TEST(what belongs to something goes with it) {
  sql("DELETE FROM code_symbols WHERE id = 's';"
      "UPDATE code_files SET symbol_count = 1");
  CAF_CHECK_EQUAL(is("SELECT id, parent FROM code_symbols"), "t|NULL");
  sql("DELETE FROM kb_documents; DELETE FROM code_projects");
  CAF_CHECK_EQUAL(
    is("SELECT (SELECT count(*) FROM kb_chunks),"
       " (SELECT count(*) FROM code_files),"
       " (SELECT count(*) FROM code_symbols)"),
    "0|0|0");
}

CAF_TEST(the bytes of a document are counted) {
  CAF_CHECK_EQUAL(is("SELECT content_bytes FROM kb_documents"), "9");
  sql("UPDATE kb_documents SET content = 'aä'");
  CAF_CHECK_EQUAL(is("SELECT content_bytes FROM kb_documents"), "3");
}

CAF_TEST(a tool that does not trust the schema can read and not spoil it) {
  sqlite3* stock = nullptr;
  sqlite3_open(files.path().c_str(), &stock);
  sqlite3_exec(
    stock, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON", nullptr,
    nullptr, nullptr);
  CAF_CHECK_EQUAL(
    sqlite3_exec(
      stock, "SELECT * FROM kb_documents, kb_chunks, events, code_symbols",
      nullptr, nullptr, nullptr),
    SQLITE_OK);
  // Newer versions of SQLite allow it and keep the index.
  sqlite3_exec(stock, "DELETE FROM events", nullptr, nullptr, nullptr);
  sqlite3_exec(stock, "DELETE FROM kb_documents", nullptr, nullptr, nullptr);
  sqlite3_close(stock);
}

CAF_TEST(the full text follows a tool that trusts the schema) {
  sqlite3* stock = nullptr;
  sqlite3_open(files.path().c_str(), &stock);
  CAF_CHECK_EQUAL(
    sqlite3_exec(
      stock,
      "PRAGMA trusted_schema = ON; PRAGMA foreign_keys = ON;"
      "UPDATE events SET content = 'changed';"
      "UPDATE code_symbols SET name = 'changed';"
      "DELETE FROM kb_documents",
      nullptr, nullptr, nullptr),
    SQLITE_OK);
  sqlite3_close(stock);
  CAF_CHECK_EQUAL(
    is("SELECT (SELECT count(*) FROM kb_chunks_fts('two OR words')),"
       " (SELECT count(*) FROM events_fts('changed')),"
       " (SELECT count(*) FROM code_symbols_fts('changed'))"),
    "0|1|2");
}

CAF_TEST_FIXTURE_SCOPE_END()
