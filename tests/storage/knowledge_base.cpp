// The knowledge base: documents and their chunks, whole or not at all, and the
// search over them.
#define CAF_SUITE storage_knowledge_base
#include "storage/knowledge_base.hpp"

#include "remembrances.hpp"
#include "storage/scopes.hpp"

#include <sqlite3.h>

#include <limits>
#include <string>
#include <string_view>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

constexpr auto animals =
  R"({"file_path":"animals.md","content":"Foxes run. Bears sleep.",
    "metadata":{"tags":["a",1],"n":null},"chunks":["Foxes run.","Bears sleep."],
    "embeddings":[[1,0,0],[0,1,0]]})";

constexpr auto plants =
  R"({"file_path":"plants.md","content":"Trees grow while bears watch",
    "metadata":{},"chunks":[]})";

constexpr auto count_rows = "SELECT (SELECT count(*) FROM kb_documents),"
                            " (SELECT count(*) FROM kb_chunks)";

struct fixture : remembrance_fixture {
  fixture() {
    CHECK_JSON(call("KBAddDocument", animals), "null");
    CHECK_JSON(call("KBAddDocument", plants), "null");
  }

  /// The chunks that are found, as "path#index ".
  std::string found(std::string_view params) {
    std::string joined;
    auto hits = call("KBSearch", params);
    for (const auto& hit : hits.as_array())
      joined += std::string{hit.at("file_path").as_string()} + "#"
                + boost::json::serialize(hit.at("chunk_index")) + " ";
    return joined;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(knowledge_base_tests, fixture)

CAF_TEST(a document is read back whole) {
  CHECK_JSON(
    call("KBGetDocument", R"("animals.md")"),
    R"({"file_path":"animals.md","content":"Foxes run. Bears sleep.",
    "metadata":{"tags":["a",1],"n":null},"chunk_count":2,"created_at":"now",
    "updated_at":"now"})");
  CHECK_JSON(call("KBGetDocument", R"("absent")"), "null");
}

CAF_TEST(documents are listed by path without their texts) {
  sql("UPDATE kb_documents SET content = 'ä' WHERE file_path = 'plants.md'");
  CHECK_JSON(
    call("KBListDocuments"),
    R"([{"file_path":"animals.md","metadata":{"tags":["a",1],"n":null},
    "content_bytes":23,"chunk_count":2,"created_at":"now","updated_at":"now"},
    {"file_path":"plants.md","metadata":{},"content_bytes":2,"chunk_count":1,
    "created_at":"now","updated_at":"now"}])");
  CHECK_JSON(call("KBCountDocuments"), "2");
}

CAF_TEST(chunks and vectors are stored in their order) {
  CAF_CHECK(
    rows(
      db, "SELECT chunk_index, kb_chunks.content, hex(embedding) FROM kb_chunks"
          " JOIN kb_documents USING (document)"
          " WHERE file_path = 'animals.md' ORDER BY chunk_index")
    == (std::vector<std::string>{
      "0|Foxes run.|0000803F0000000000000000",
      "1|Bears sleep.|000000000000803F00000000"}));
}

CAF_TEST(a document without chunks is one chunk) {
  CAF_CHECK_EQUAL(
    is("SELECT chunk_index, kb_chunks.content, embedding FROM kb_chunks"
       " JOIN kb_documents USING (document) WHERE file_path = 'plants.md'"),
    "0|Trees grow while bears watch|NULL");
  CHECK_JSON(
    call("KBAddDocument", R"({"file_path":"empty","content":"","metadata":{},
         "chunks":[],"embeddings":[]})"),
    "null");
  CHECK_JSON(call("KBGetDocument", R"("empty")").at("chunk_count"), "1");
}

CAF_TEST(a path is added once) {
  CAF_CHECK_EQUAL(
    call.error("KBAddDocument", plants),
    "CONFLICT: UNIQUE constraint failed: kb_documents.file_path");
  CAF_CHECK_EQUAL(is(count_rows), "2|3");
}

CAF_TEST(an update takes the place of the document and its chunks) {
  sql("UPDATE kb_documents SET created_at = 5, updated_at = 5");
  CHECK_JSON(
    call("KBUpdateDocument", R"({"file_path":"animals.md","content":"Owls",
         "metadata":{"x":2},"chunks":["Owls fly.","a","b"]})"),
    "null");
  CHECK_JSON(
    call("KBGetDocument", R"("animals.md")"),
    R"({"file_path":"animals.md","content":"Owls","metadata":{"x":2},
    "chunk_count":3,"created_at":5,"updated_at":"now"})");
  CAF_CHECK_EQUAL(is(count_rows), "2|4");
  CAF_CHECK_EQUAL(found(R"({"query":"foxes","limit":9})"), "");
  CAF_CHECK_EQUAL(found(R"({"query":"owls","limit":9})"), "animals.md#0 ");
  CAF_CHECK_EQUAL(found(R"({"query":"","embedding":[1,0,0],"limit":9})"), "");
}

CAF_TEST(an update of what is not there adds it) {
  CHECK_JSON(
    call("KBUpdateDocument", R"({"file_path":"new.md","content":"New",
         "metadata":{},"chunks":["New"],"embeddings":[[0,0,1]]})"),
    "null");
  CHECK_JSON(
    call("KBGetDocument", R"("new.md")"),
    R"({"file_path":"new.md","content":"New","metadata":{},"chunk_count":1,
    "created_at":"now","updated_at":"now"})");
}

CAF_TEST(a deleted document is gone from every table) {
  CHECK_JSON(call("KBDeleteDocument", R"("animals.md")"), "null");
  CHECK_JSON(call("KBDeleteDocument", R"("absent")"), "null");
  CAF_CHECK_EQUAL(is(count_rows), "1|1");
  CAF_CHECK_EQUAL(found(R"({"query":"bears","limit":9})"), "plants.md#0 ");
}

CAF_TEST(a body may run again where its transaction was lost) {
  kb_update_document params{"again.md", "text", {}, {"one", "two"}, {}};
  auto body = lay_out(params);
  for (int i = 0; i < 2; ++i) {
    auto transaction = must(immediate_transaction::begin(db));
    must(body(db));
  }
  CAF_CHECK_EQUAL(is(count_rows), "2|3");
  must(body(db));
  CAF_CHECK_EQUAL(is(count_rows), "3|5");
}

CAF_TEST(vectors must fit the chunks and each other) {
  kb_add_document params{"p", "", {}, {"a", "b"}, {{{1, 2}}}};
  CAF_CHECK_EQUAL(
    refused(params),
    "INVALID_PARAMS: field \"embeddings\" has 1 elements for 2 chunks");
  params.embeddings = {{1, 2}, {}};
  CAF_CHECK_EQUAL(
    refused(params),
    "INVALID_PARAMS: field \"embeddings[1]\" is an empty vector");
  params.embeddings = {{1, 2}, {1, 2, 3}};
  CAF_CHECK_EQUAL(
    refused(params), "INVALID_PARAMS: field \"embeddings[1]\" has 3 "
                     "dimensions, the first one has 2");
  params.embeddings = {{1, 2}, {1, std::numeric_limits<float>::infinity()}};
  CAF_CHECK_EQUAL(
    refused(params),
    "INVALID_PARAMS: field \"embeddings[1][1]\" is not a finite number");
  params.embeddings = {{1, 2}, {1, 2}};
  params.file_path.clear();
  CAF_CHECK_EQUAL(
    refused(params), "INVALID_PARAMS: field \"file_path\" is empty");
  CAF_CHECK_EQUAL(
    refused_json("KBUpdateDocument", R"({"file_path":"p","content":"",
                 "metadata":{},"chunks":["a"],"embeddings":[[1e39]]})"),
    "INVALID_PARAMS: field \"embeddings[0][0]\" does not fit into a 32-bit "
    "float");
  CAF_CHECK_EQUAL(
    refused_json("KBDeleteDocument", R"("")"),
    "INVALID_PARAMS: field \"file_path\" is empty");
}

CAF_TEST(a search is checked before it runs) {
  CAF_CHECK_EQUAL(
    call.error("KBSearch", R"({"query":"x","limit":-1})"),
    "INVALID_PARAMS: field \"limit\" is negative");
  CAF_CHECK_EQUAL(
    call.error("KBSearch", R"({"query":"x","limit":1001})"),
    "INVALID_PARAMS: field \"limit\" is more than search_results_max = 1000");
  CAF_CHECK_EQUAL(
    call.error("KBSearch", R"({"query":"x","embedding":[],"limit":1})"),
    "INVALID_PARAMS: field \"embedding\" is an empty vector");
}

CAF_TEST(a hit has its row and its score) {
  auto hits = call("KBSearch", R"({"query":"foxes","limit":1000})");
  CAF_REQUIRE_EQUAL(hits.as_array().size(), 1u);
  CAF_CHECK_EQUAL(hits.at(0).at("score").as_double(), 1.0 / 61);
  hits.at(0).as_object().erase("score");
  CHECK_JSON(
    hits, R"([{"file_path":"animals.md","chunk_index":0,"content":"Foxes run.",
    "metadata":{"tags":["a",1],"n":null}}])");
}

CAF_TEST(words are found by their stems) {
  CAF_CHECK_EQUAL(
    found(R"({"query":"running FOX","limit":9})"), "animals.md#0 ");
  CAF_CHECK_EQUAL(found(R"({"query":"nothing","limit":9})"), "");
  // the shorter text is the better hit
  CAF_CHECK_EQUAL(
    found(R"({"query":"bear","limit":9})"), "animals.md#1 plants.md#0 ");
  CAF_CHECK_EQUAL(found(R"({"query":"bear","limit":1})"), "animals.md#1 ");
  CAF_CHECK_EQUAL(found(R"({"query":"bear","limit":0})"), "");
}

CAF_TEST(vectors alone rank by direction) {
  CAF_CHECK_EQUAL(
    found(R"({"query":"","embedding":[0.1,5,0],"limit":9})"),
    "animals.md#1 animals.md#0 ");
  CAF_CHECK_EQUAL(
    found(R"({"query":"?!","embedding":[5,0.1,0],"limit":1})"),
    "animals.md#0 ");
  CAF_CHECK_EQUAL(found(R"({"query":"","limit":9})"), "");
  CAF_CHECK_EQUAL(found(R"({"query":"","embedding":[1,2],"limit":9})"), "");
  CAF_CHECK_EQUAL(found(R"({"query":"","embedding":[0,0,0],"limit":9})"), "");
}

CAF_TEST(ranks by words and by vectors are fused) {
  // words: animals#1, plants#0; vectors: animals#0, animals#1
  auto hits =
    call("KBSearch", R"({"query":"bears","embedding":[1,0.5,0],"limit":9})");
  CAF_CHECK_EQUAL(
    each(hits, "content"),
    "Bears sleep. Foxes run. Trees grow while bears watch ");
  CAF_CHECK_EQUAL(hits.at(0).at("score").as_double(), 1.0 / 61 + 1.0 / 62);
  CAF_CHECK_EQUAL(hits.at(1).at("score").as_double(), 1.0 / 61);
  CAF_CHECK_EQUAL(hits.at(2).at("score").as_double(), 1.0 / 62);
}

CAF_TEST(what many match is fused from more than the limit) {
  // Row 3 is third by words and third by vectors, and so the best of all.
  sql("DELETE FROM kb_documents");
  CHECK_JSON(
    call("KBAddDocument", R"({"file_path":"d","content":"","metadata":{},
         "chunks":["x", "x pad", "x pad pad", "pad", "pad"],
         "embeddings":[[0,0],[0,0],[1,2],[1,0],[1,1]]})"),
    "null");
  CAF_CHECK_EQUAL(
    found(R"({"query":"x","embedding":[1,0],"limit":1})"), "d#2 ");
}

CAF_TEST(a search runs on a connection that cannot write) {
  auto reader = files.open(access::read_only);
  auto hits = must(run_search(reader, {"bears", {{0, 1, 0}}, 9}));
  CAF_CHECK_EQUAL(hits.size(), 3u);
  CAF_CHECK(!reader.in_transaction());
}

CAF_TEST(a search inside a transaction leaves it open) {
  auto transaction = must(immediate_transaction::begin(db));
  CHECK_JSON(call("KBDeleteDocument", R"("plants.md")"), "null");
  CAF_CHECK_EQUAL(found(R"({"query":"bears","limit":9})"), "animals.md#1 ");
  CAF_CHECK(db.in_transaction());
}

CAF_TEST(a search sees one state of the database) {
  // Another connection deletes everything just before the hits are read.
  auto other = files.open();
  auto reader = files.open(access::read_only);
  auto interfere = [](unsigned, void* context, void* statement, void*) {
    std::string_view text = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
    if (contains(text, ":score"))
      must(
        static_cast<connection*>(context)->execute("DELETE FROM kb_documents"));
    return 0;
  };
  sqlite3_trace_v2(reader.native(), SQLITE_TRACE_STMT, interfere, &other);
  auto hits = must(run_search(reader, {"bears", {{0, 1, 0}}, 9}));
  CAF_CHECK_EQUAL(hits.size(), 3u);
  CAF_CHECK_EQUAL(is(count_rows), "0|0");
  CAF_CHECK(must(run_search(reader, {"bears", {{0, 1, 0}}, 9})).empty());
}

CAF_TEST(the full text follows those who write plain SQL) {
  sql("UPDATE kb_chunks SET content = 'Wolves' WHERE content = 'Foxes run.'");
  CAF_CHECK_EQUAL(found(R"({"query":"foxes","limit":9})"), "");
  CAF_CHECK_EQUAL(
    found(R"({"query":"wolf wolves","limit":9})"), "animals.md#0 ");
  sql("UPDATE kb_chunks SET rowid = 77 WHERE content = 'Wolves'");
  CAF_CHECK_EQUAL(found(R"({"query":"wolves","limit":9})"), "animals.md#0 ");
  sql("DELETE FROM kb_chunks WHERE content = 'Wolves';"
      "UPDATE kb_documents SET chunk_count = 1");
  CAF_CHECK_EQUAL(found(R"({"query":"wolves","limit":9})"), "");
  sql("VACUUM");
  CAF_CHECK_EQUAL(
    found(R"({"query":"bears","limit":9})"), "animals.md#1 plants.md#0 ");
}

CAF_TEST_FIXTURE_SCOPE_END()
