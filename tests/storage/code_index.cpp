// The code index: projects, files with their symbols and the parents among
// these, lookups and the search.
#define CAF_SUITE storage_code_index
#include "storage/code_index.hpp"

#include "remembrances.hpp"
#include "storage/scopes.hpp"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

constexpr auto upsert =
  R"({"project_id":"p","name":"N","root_path":"/r","status":"new",
    "created_at":1,"updated_at":2})";

constexpr auto count_rows =
  "SELECT (SELECT count(*) FROM code_projects),"
  " (SELECT count(*) FROM code_files), (SELECT count(*) FROM code_symbols)";

new_code_symbol symbol(std::string id, std::string parent_id = {}) {
  new_code_symbol made;
  made.symbol_type = "function";
  made.name = "name of " + id;
  made.name_path = "path/" + id;
  made.start_line = made.end_line = 1;
  made.id = std::move(id);
  if (!parent_id.empty())
    made.parent_id = std::move(parent_id);
  return made;
}

struct fixture : remembrance_fixture {
  fixture() { CHECK_JSON(call("CodeUpsertProject", upsert), "null"); }

  /// As the writer does it: what fails leaves nothing.
  result<void> index(const code_index_file& params) {
    auto transaction = must(immediate_transaction::begin(db));
    auto part = must(savepoint::begin(db));
    auto done = lay_out(params)(db);
    must(done ? part.release() : part.roll_back());
    must(transaction.commit());
    return done;
  }

  result<void> index(std::string file, std::vector<new_code_symbol> symbols) {
    return index({"p", "/r", std::move(file), "C++", "h", std::move(symbols)});
  }

  std::string parents() {
    return is("SELECT coalesce(group_concat(link, ' '), '') FROM (SELECT"
              " children.id || '<' || parents.id AS link"
              " FROM code_symbols AS children JOIN code_symbols AS parents"
              " ON parents.symbol = children.parent ORDER BY link)");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(code_index_tests, fixture)

CAF_TEST(a project is changed and keeps what it has) {
  must(index("a", {symbol("x")}));
  call("CodeUpdateLanguageStats", R"("p")");
  CHECK_JSON(
    call("CodeUpsertProject", R"({"project_id":"p","name":"M",
         "root_path":"/q","status":"old","created_at":7,"updated_at":8})"),
    "null");
  call("CodeUpsertProject", R"({"project_id":"q","name":"A","root_path":"",
       "status":"","created_at":3,"updated_at":4})");
  CHECK_JSON(
    call("CodeListProjects"),
    R"([{"project_id":"q","name":"A","root_path":"","status":"",
    "language_stats":{},"created_at":3,"updated_at":4,"last_indexed_at":null},
    {"project_id":"p","name":"M","root_path":"/q","status":"old",
    "language_stats":{"C++":{"files":1,"symbols":1}},"created_at":1,
    "updated_at":8,"last_indexed_at":null}])");
  CAF_CHECK_EQUAL(is(count_rows), "2|1|1");
}

CAF_TEST(a status may come with the time of the indexing) {
  CHECK_JSON(
    call("CodeSetProjectStatus", R"({"project_id":"p","status":"indexed",
         "last_indexed_at":5,"updated_at":6})"),
    "null");
  call("CodeSetProjectStatus", R"({"project_id":"p","status":"stale",
       "updated_at":7})");
  CHECK_JSON(
    call("CodeListProjects"),
    R"([{"project_id":"p","name":"N","root_path":"/r","status":"stale",
    "language_stats":{},"created_at":1,"updated_at":7,"last_indexed_at":5}])");
}

CAF_TEST(what needs a project says which is not there) {
  CAF_CHECK_EQUAL(
    call.error("CodeSetProjectStatus", R"({"project_id":"q","status":"",
               "updated_at":1})"),
    "CONFLICT: there is no project \"q\"");
  CAF_CHECK_EQUAL(
    call.error("CodeUpdateLanguageStats", R"("q")"),
    "CONFLICT: there is no project \"q\"");
  CAF_CHECK_EQUAL(
    failure(index({"q", "", "f", "", "", {}})),
    "CONFLICT: there is no project \"q\"");
}

CAF_TEST(a file is indexed with every member of its symbols) {
  CHECK_JSON(
    call("CodeIndexFile", R"({"project_id":"p","root_path":"/r",
         "file_path":"a.cpp","language":"C++","file_hash":"h1","symbols":[
         {"id":"m","symbol_type":"method","name":"run","name_path":"C/run",
          "start_line":3,"end_line":4,"start_byte":20,"end_byte":30,
          "source_code":"void run();","signature":"void run() const",
          "doc_string":"Runs.","parent_id":"c","metadata":{"k":[1]},
          "embedding":[1,2]},
         {"id":"c","symbol_type":"class","name":"C","name_path":"C",
          "start_line":1,"end_line":5,"start_byte":0,"end_byte":40}]})"),
    "null");
  CHECK_JSON(
    call("CodeListFiles", R"("p")"),
    R"([{"project_id":"p","root_path":"/r","file_path":"a.cpp",
    "language":"C++","file_hash":"h1","symbol_count":2,"indexed_at":"now"}])");
  CHECK_JSON(
    call("CodeFileSymbols", R"({"project_id":"p","file_path":"a.cpp"})"),
    R"([{"project_id":"p","file_path":"a.cpp","language":"C++","id":"c",
    "symbol_type":"class","name":"C","name_path":"C","start_line":1,
    "end_line":5,"start_byte":0,"end_byte":40,"source_code":null,
    "signature":null,"doc_string":null,"parent_id":null,"metadata":null},
    {"project_id":"p","file_path":"a.cpp","language":"C++","id":"m",
    "symbol_type":"method","name":"run","name_path":"C/run","start_line":3,
    "end_line":4,"start_byte":20,"end_byte":30,"source_code":"void run();",
    "signature":"void run() const","doc_string":"Runs.","parent_id":"c",
    "metadata":{"k":[1]}}])");
  CAF_CHECK_EQUAL(
    is("SELECT group_concat(coalesce(hex(embedding), '-')) FROM code_symbols"
       " WHERE embedding IS NOT NULL"),
    "0000803F00000040");
}

CAF_TEST(a file that is indexed again is replaced) {
  must(index("a", {symbol("x"), symbol("y", "x")}));
  must(index("b", {symbol("z")}));
  sql("UPDATE code_files SET indexed_at = 5");
  must(index({"p", "/s", "a", "Go", "h2", {symbol("y"), symbol("w", "y")}}));
  CHECK_JSON(
    call("CodeListFiles", R"("p")"),
    R"([{"project_id":"p","root_path":"/s","file_path":"a","language":"Go",
    "file_hash":"h2","symbol_count":2,"indexed_at":"now"},
    {"project_id":"p","root_path":"/r","file_path":"b","language":"C++",
    "file_hash":"h","symbol_count":1,"indexed_at":5}])");
  CAF_CHECK_EQUAL(
    is("SELECT group_concat(id) FROM (SELECT id FROM code_symbols"
       " ORDER BY id)"),
    "w,y,z");
  CAF_CHECK_EQUAL(parents(), "w<y");
  must(index("a", {}));
  CAF_CHECK_EQUAL(is(count_rows), "1|2|1");
}

CAF_TEST(parents may come later in the call or from another file) {
  must(index(
    "a", {symbol("d", "c"), symbol("c", "b"), symbol("b", "a"), symbol("a"),
          symbol("e", "a")}));
  must(index("b", {symbol("f", "d")}));
  CAF_CHECK_EQUAL(parents(), "b<a c<b d<c e<a f<d");
}

CAF_TEST(children in other files keep a parent that is indexed again) {
  must(index("a", {symbol("x"), symbol("y")}));
  must(index("b", {symbol("bx", "x"), symbol("by", "y")}));
  must(index("a", {symbol("new"), symbol("x")}));
  CAF_CHECK_EQUAL(parents(), "bx<x");
  call("CodeDeleteFile", R"({"project_id":"p","file_path":"a"})");
  CAF_CHECK_EQUAL(parents(), "");
  CAF_CHECK_EQUAL(is(count_rows), "1|1|2");
}

CAF_TEST(a parent that is nowhere is a conflict and nothing is kept) {
  must(index("a", {symbol("x")}));
  call("CodeUpsertProject", R"({"project_id":"q","name":"","root_path":"",
       "status":"","created_at":0,"updated_at":0})");
  must(index({"q", "", "f", "", "", {symbol("elsewhere")}}));
  for (const auto* parent : {"absent", "elsewhere", "x"})
    CAF_CHECK_EQUAL(
      failure(index("a", {symbol("y"), symbol("z", parent)})),
      "CONFLICT: the symbol \"z\" has the parent \"" + std::string{parent}
        + "\", which its project does not have");
  CAF_CHECK_EQUAL(
    is("SELECT group_concat(id) FROM code_symbols WHERE project_id = 'p'"),
    "x");
  CAF_CHECK_EQUAL(
    is("SELECT symbol_count FROM code_files"
       " WHERE project_id = 'p'"),
    "1");
}

CAF_TEST(a symbol among its own parents is a conflict) {
  CAF_CHECK_EQUAL(
    failure(index("a", {symbol("x", "x")})),
    "CONFLICT: the symbol \"x\" is among its own parents");
  CAF_CHECK_EQUAL(
    failure(index(
      "a",
      {symbol("o"), symbol("x", "y"), symbol("y", "z"), symbol("z", "y")})),
    "CONFLICT: the symbol \"y\" is among its own parents");
  CAF_CHECK_EQUAL(is(count_rows), "1|0|0");
}

CAF_TEST(a long chain of parents is no matter) {
  std::vector<new_code_symbol> chain;
  for (int i = 0; i < 20'000; ++i)
    chain.push_back(symbol(std::to_string(i), std::to_string(i + 1)));
  chain.push_back(symbol("20000"));
  must(index("a", chain));
  CAF_CHECK_EQUAL(is("SELECT count(parent) FROM code_symbols"), "20000");
  call("CodeDeleteProject", R"("p")");
  CAF_CHECK_EQUAL(is(count_rows), "0|0|0");
}

CAF_TEST(an id is unique in its project) {
  must(index("a", {symbol("x")}));
  auto conflict = "CONFLICT: UNIQUE constraint failed: "
                  "code_symbols.project_id, code_symbols.id";
  CAF_CHECK_EQUAL(failure(index("b", {symbol("y"), symbol("x")})), conflict);
  CAF_CHECK_EQUAL(failure(index("a", {symbol("y"), symbol("y")})), conflict);
  CAF_CHECK_EQUAL(is("SELECT group_concat(id) FROM code_symbols"), "x");
}

CAF_TEST(files and projects are deleted with what is theirs) {
  must(index("a", {symbol("x")}));
  must(index("b", {symbol("y", "x")}));
  call("CodeDeleteFile", R"({"project_id":"p","file_path":"a"})");
  call("CodeDeleteFile", R"({"project_id":"p","file_path":"absent"})");
  CAF_CHECK_EQUAL(is(count_rows), "1|1|1");
  call("CodeDeleteProject", R"("p")");
  call("CodeDeleteProject", R"("absent")");
  CAF_CHECK_EQUAL(is(count_rows), "0|0|0");
}

CAF_TEST(files and symbols are counted by language) {
  must(index({"p", "", "a", "C++", "", {symbol("1"), symbol("2")}}));
  must(index({"p", "", "b", "C++", "", {symbol("3")}}));
  must(index({"p", "", "c", "a \"quoted\" one", "", {}}));
  CHECK_JSON(call("CodeUpdateLanguageStats", R"("p")"), "null");
  CHECK_JSON(
    call("CodeListProjects").at(0).at("language_stats"),
    R"({"C++":{"files":2,"symbols":3},
    "a \"quoted\" one":{"files":1,"symbols":0}})");
  sql("DELETE FROM code_files");
  call("CodeUpdateLanguageStats", R"("p")");
  CHECK_JSON(call("CodeListProjects").at(0).at("language_stats"), "{}");
}

CAF_TEST(symbols are found by name and by path) {
  auto overload = [](std::string id, std::int64_t line) {
    auto made = symbol(std::move(id));
    made.name = "run";
    made.start_line = made.end_line = line;
    return made;
  };
  must(index("b", {overload("1", 4), overload("2", 3)}));
  must(index("a", {overload("3", 9), symbol("run")}));
  auto find = [this](std::string_view name) {
    auto params = boost::json::serialize(
      boost::json::object{{"project_id", "p"}, {"name", name}});
    return each(call("CodeFindSymbol", params), "id");
  };
  CAF_CHECK_EQUAL(find("run"), "3 2 1 ");
  CAF_CHECK_EQUAL(find("path/2"), "2 ");
  CAF_CHECK_EQUAL(find("RUN"), "");
  CHECK_JSON(
    call("CodeFindSymbol", R"({"project_id":"q","name":"run"})"), "[]");
  CHECK_JSON(
    call("CodeFileSymbols", R"({"project_id":"q","file_path":"a"})"), "[]");
  CAF_CHECK_EQUAL(
    each(
      call("CodeFileSymbols", R"({"project_id":"p","file_path":"b"})"), "id"),
    "2 1 ");
}

CAF_TEST(a search looks in one project) {
  auto with =
    [](std::string id, std::string source, std::vector<float> vector) {
      auto made = symbol(std::move(id));
      made.source_code = std::move(source);
      made.embedding = std::move(vector);
      return made;
    };
  must(index(
    "a", {with("x", "parse the header", {1, 0}), with("y", "write", {0, 1})}));
  call("CodeUpsertProject", R"({"project_id":"q","name":"","root_path":"",
       "status":"","created_at":0,"updated_at":0})");
  must(index({"q", "", "f", "", "", {with("z", "parse", {1, 0})}}));
  auto find = [this](std::string_view project, std::string_view rest) {
    return each(
      call(
        "CodeSearch", "{\"project_id\":\"" + std::string{project} + "\","
                        + std::string{rest} + "}"),
      "id");
  };
  CAF_CHECK_EQUAL(find("p", R"("query":"parsing","limit":9)"), "x ");
  CAF_CHECK_EQUAL(find("q", R"("query":"parsing","limit":9)"), "z ");
  CAF_CHECK_EQUAL(find("r", R"("query":"parsing","limit":9)"), "");
  CAF_CHECK_EQUAL(
    find("p", R"("query":"","embedding":[1,0.1],"limit":9)"), "x y ");
  CAF_CHECK_EQUAL(
    find("q", R"("query":"","embedding":[1,0.1],"limit":9)"), "z ");
  CAF_CHECK_EQUAL(
    find("p", R"("query":"parse","embedding":[0,1],"limit":9)"), "x y ");
  CAF_CHECK_EQUAL(find("p", R"("query":"parse","limit":0)"), "");
  auto hits =
    call("CodeSearch", R"({"project_id":"p","query":"header","limit":1})");
  CAF_CHECK_EQUAL(hits.at(0).at("score").as_double(), 1.0 / 61);
  hits.at(0).as_object().erase("score");
  CHECK_JSON(
    hits, R"([{"project_id":"p","file_path":"a","language":"C++","id":"x",
    "symbol_type":"function","name":"name of x","name_path":"path/x",
    "start_line":1,"end_line":1,"start_byte":0,"end_byte":0,
    "source_code":"parse the header","signature":null,"doc_string":null,
    "parent_id":null,"metadata":null}])");
}

CAF_TEST(every text of a symbol is searched) {
  auto made = symbol("x");
  made.name = "alpha";
  made.name_path = "beta";
  made.signature = "gamma";
  made.doc_string = "delta";
  made.source_code = "epsilon_zeta";
  must(index("a", {made}));
  for (std::string word :
       {"alpha", "beta", "gamma", "delta", "epsilon_zeta", "zeta"}) {
    auto params = R"({"project_id":"p","limit":9,"query":")" + word + "\"}";
    CAF_CHECK_EQUAL(each(call("CodeSearch", params), "id"), "x ");
  }
  for (std::string column :
       {"name", "name_path", "signature", "doc_string", "source_code"}) {
    sql("UPDATE code_symbols SET " + column + " = 'omega " + column + "'");
    auto params =
      R"({"project_id":"p","limit":9,"query":"omega )" + column + "\"}";
    CAF_CHECK_EQUAL(each(call("CodeSearch", params), "id"), "x ");
  }
  sql("UPDATE code_symbols SET rowid = 9; UPDATE code_symbols"
      " SET signature = NULL, symbol_type = 'omega'");
  sql("DELETE FROM code_symbols; UPDATE code_files SET symbol_count = 0");
}

CAF_TEST(parameters are checked) {
  CAF_CHECK_EQUAL(
    refused(code_upsert_project{}),
    "INVALID_PARAMS: field \"project_id\" is empty");
  code_index_file file{"p", "", "", "", "", {symbol("a"), symbol("b")}};
  CAF_CHECK_EQUAL(
    refused(file), "INVALID_PARAMS: field \"file_path\" is empty");
  file.file_path = "f";
  auto& second = file.symbols[1];
  second.id.clear();
  CAF_CHECK_EQUAL(
    refused(file), "INVALID_PARAMS: field \"symbols[1].id\" is empty");
  second.id = "b";
  second.end_line = 0;
  CAF_CHECK_EQUAL(
    refused(file), "INVALID_PARAMS: field \"symbols[1].end_line\" lies before "
                   "the start");
  second.end_line = 1;
  file.symbols[0].embedding = {1, 2};
  second.embedding = {1};
  CAF_CHECK_EQUAL(
    refused(file), "INVALID_PARAMS: field \"symbols[1].embedding\" has 1 "
                   "dimensions, the first one has 2");
  second.embedding = {1, std::numeric_limits<float>::infinity()};
  CAF_CHECK_EQUAL(
    refused(file), "INVALID_PARAMS: field \"symbols[1].embedding[1]\" is not a "
                   "finite number");
  CAF_CHECK_EQUAL(
    call.error("CodeSearch", R"({"project_id":"p","query":"","limit":1001})"),
    "INVALID_PARAMS: field \"limit\" is more than search_results_max = 1000");
}

CAF_TEST_FIXTURE_SCOPE_END()
