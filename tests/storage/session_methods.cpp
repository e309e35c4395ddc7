// The methods of sessions, messages and files: complete rows, orders, and what
// happens where there is nothing.
#define CAF_SUITE storage_session_methods
#include "temp_database.hpp"

#include <string>
#include <string_view>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture : method_fixture {
  void add_session(std::string_view id) {
    call(
      "CreateSession", R"({"id":")" + std::string{id}
                         + R"(","title":"T","message_count":0,)"
                           R"("prompt_tokens":0,"completion_tokens":0,)"
                           R"("cost":0})");
  }

  void add_message(std::string_view id, std::string_view session) {
    call(
      "CreateMessage", R"({"id":")" + std::string{id} + R"(","session_id":")"
                         + std::string{session}
                         + R"(","role":"user","parts":"[]"})");
  }

  void add_file(
    std::string_view id, std::string_view session, std::string_view path,
    std::string_view version) {
    call(
      "CreateFile", R"({"id":")" + std::string{id} + R"(","session_id":")"
                      + std::string{session} + R"(","path":")"
                      + std::string{path} + R"(","content":"C","version":")"
                      + std::string{version} + R"("})");
  }

  void set_created(std::string_view table, std::string_view id, int time) {
    must(db.execute(
      "UPDATE " + std::string{table} + " SET created_at = "
      + std::to_string(time) + " WHERE id = '" + std::string{id} + "'"));
  }

  /// The ids of the rows that a method returns, in their order.
  std::string ids(std::string_view method, std::string_view params = "{}") {
    std::string joined;
    auto list = call(method, params);
    for (const auto& element : list.as_array()) {
      const auto& id = element.at("id").as_string();
      joined += joined.empty() ? "" : " ";
      joined.append(id.data(), id.size());
    }
    return joined;
  }
};

constexpr auto full_session =
  R"({"id":"s","parent_session_id":"p","title":"T","message_count":3,
    "prompt_tokens":10,"completion_tokens":20,"cost":0.5,"updated_at":"now",
    "created_at":"now","summary_message_id":null})";

} // namespace

CAF_TEST_FIXTURE_SCOPE(session_methods_tests, fixture)

CAF_TEST(a session is created and read back whole) {
  CHECK_JSON(
    call(
      "CreateSession",
      R"({"id":"s","parent_session_id":"p","title":"T","message_count":3,
         "prompt_tokens":10,"completion_tokens":20,"cost":0.5})"),
    full_session);
  CHECK_JSON(call("GetSessionByID", R"("s")"), full_session);
  CAF_CHECK_EQUAL(row(db, "SELECT message_count_base FROM sessions"), "3");
}

CAF_TEST(extreme values survive) {
  auto params = R"({"id":"\u0000 \u00e9 \ud83d\ude00","parent_session_id":"",
      "title":"a\u0000b","message_count":9223372036854775807,
      "prompt_tokens":9223372036854775807,
      "completion_tokens":9223372036854775807,
      "cost":1.7976931348623157e308})";
  auto expected = R"({"id":"\u0000 \u00e9 \ud83d\ude00","parent_session_id":"",
      "title":"a\u0000b","message_count":9223372036854775807,
      "prompt_tokens":9223372036854775807,
      "completion_tokens":9223372036854775807,
      "cost":1.7976931348623157e308,"updated_at":"now","created_at":"now",
      "summary_message_id":null})";
  CHECK_JSON(call("CreateSession", params), expected);
  CHECK_JSON(
    call("GetSessionByID", R"("\u0000 \u00e9 \ud83d\ude00")"), expected);
}

CAF_TEST(a session is created once and within its rules) {
  add_session("s");
  auto with = [this](
                std::string_view id, std::string_view number,
                std::string_view cost) {
    return call.error(
      "CreateSession", R"({"id":")" + std::string{id}
                         + R"(","title":"","message_count":)"
                         + std::string{number}
                         + R"(,"prompt_tokens":0,"completion_tokens":0,)"
                           R"("cost":)"
                         + std::string{cost} + "}");
  };
  CAF_CHECK_EQUAL(
    with("s", "0", "0"), "CONFLICT: UNIQUE constraint failed: sessions.id");
  CAF_CHECK(contains(with("t", "-1", "0"), "CONFLICT: CHECK constraint"));
  CAF_CHECK_EQUAL(
    with("t", "0", "-0.1"), "CONFLICT: CHECK constraint failed: cost >= 0");
}

CAF_TEST(a session is updated whole) {
  must(db.execute("INSERT INTO sessions (id, title, updated_at, created_at)"
                  " VALUES ('s', 'T', 5, 7)"));
  auto updated =
    R"({"id":"s","parent_session_id":null,"title":"N","message_count":0,
      "prompt_tokens":1,"completion_tokens":2,"cost":3.5,"updated_at":"now",
      "created_at":7,"summary_message_id":"m"})";
  CHECK_JSON(
    call(
      "UpdateSession",
      R"({"id":"s","title":"N","prompt_tokens":1,"completion_tokens":2,
         "summary_message_id":"m","cost":3.5})"),
    updated);
  CHECK_JSON(call("GetSessionByID", R"("s")"), updated);
  CHECK_JSON(
    call(
      "UpdateSession",
      R"({"id":"absent","title":"N","prompt_tokens":1,
         "completion_tokens":2,"cost":3.5})"),
    "null");
}

CAF_TEST(a session is deleted with what belongs to it) {
  add_session("s");
  add_session("other");
  add_message("m", "s");
  add_file("f", "s", "/p", "v1");
  CHECK_JSON(call("DeleteSession", R"("s")"), "null");
  CHECK_JSON(call("GetSessionByID", R"("s")"), "null");
  CHECK_JSON(call("GetMessage", R"("m")"), "null");
  CHECK_JSON(call("GetFile", R"("f")"), "null");
  CAF_CHECK(!call("GetSessionByID", R"("other")").is_null());
  CHECK_JSON(call("DeleteSession", R"("s")"), "null");
}

CAF_TEST(top level sessions with messages are listed newest first) {
  CHECK_JSON(call("ListSessions"), "[]");
  for (auto id : {"old", "new", "tie", "empty", "child"}) {
    add_session(id);
    if (std::string_view{id} != "empty")
      add_message("m-" + std::string{id}, id);
  }
  must(db.execute(
    "UPDATE sessions SET parent_session_id = 'old' WHERE id = 'child'"));
  set_created("sessions", "old", 1);
  set_created("sessions", "new", 2);
  set_created("sessions", "tie", 2);
  set_created("sessions", "child", 3);
  CAF_CHECK_EQUAL(ids("ListSessions"), "tie new old");
}

CAF_TEST(a message is created and read back whole) {
  add_session("s");
  auto created = R"({"id":"m","session_id":"s","role":"user","parts":"[\"p\"]",
      "model":"large","created_at":"now","updated_at":"now",
      "finished_at":null})";
  CHECK_JSON(
    call("CreateMessage", R"({"id":"m","session_id":"s","role":"user",
         "parts":"[\"p\"]","model":"large"})"),
    created);
  CHECK_JSON(call("GetMessage", R"("m")"), created);
  CHECK_JSON(
    call("CreateMessage", R"({"id":"n","session_id":"s","role":"assistant",
         "parts":"no JSON at all"})"),
    R"({"id":"n","session_id":"s","role":"assistant",
    "parts":"no JSON at all","model":null,"created_at":"now",
    "updated_at":"now","finished_at":null})");
  CHECK_JSON(call("GetSessionByID", R"("s")").at("message_count"), "2");
}

CAF_TEST(a message needs its session and an id of its own) {
  add_session("s");
  add_message("m", "s");
  CAF_CHECK_EQUAL(
    call.error("CreateMessage", R"({"id":"m","session_id":"s","role":"",
               "parts":""})"),
    "CONFLICT: UNIQUE constraint failed: messages.id");
  CAF_CHECK_EQUAL(
    call.error("CreateMessage", R"({"id":"n","session_id":"absent",
               "role":"","parts":""})"),
    "CONFLICT: FOREIGN KEY constraint failed");
  CHECK_JSON(call("GetMessage", R"("n")"), "null");
}

CAF_TEST(a message is updated) {
  add_session("s");
  must(db.execute(
    "INSERT INTO messages (id, session_id, role, updated_at, created_at)"
    " VALUES ('m', 's', 'user', 5, 7)"));
  CHECK_JSON(
    call("UpdateMessage", R"({"id":"m","parts":"[2]","finished_at":99})"),
    "null");
  CHECK_JSON(
    call("GetMessage", R"("m")"),
    R"({"id":"m","session_id":"s","role":"user","parts":"[2]","model":null,
    "created_at":7,"updated_at":"now","finished_at":99})");
  call("UpdateMessage", R"({"id":"m","parts":"[3]"})");
  CHECK_JSON(call("GetMessage", R"("m")").at("finished_at"), "null");
  CHECK_JSON(call("UpdateMessage", R"({"id":"absent","parts":""})"), "null");
}

CAF_TEST(messages are deleted one by one and by session) {
  add_session("s");
  add_session("t");
  for (auto id : {"1", "2", "3"})
    add_message(id, "s");
  add_message("4", "t");
  CHECK_JSON(call("DeleteMessage", R"("2")"), "null");
  CHECK_JSON(call("DeleteMessage", R"("2")"), "null");
  CAF_CHECK_EQUAL(ids("ListMessagesBySession", R"("s")"), "1 3");
  CHECK_JSON(call("DeleteSessionMessages", R"("s")"), "null");
  CAF_CHECK_EQUAL(ids("ListMessagesBySession", R"("s")"), "");
  CAF_CHECK_EQUAL(ids("ListMessagesBySession", R"("t")"), "4");
  CHECK_JSON(call("GetSessionByID", R"("s")").at("message_count"), "0");
}

CAF_TEST(messages of a session are listed oldest first) {
  add_session("s");
  add_session("t");
  for (auto id : {"late", "early", "tie"})
    add_message(id, "s");
  add_message("elsewhere", "t");
  set_created("messages", "late", 9);
  set_created("messages", "early", 1);
  set_created("messages", "tie", 1);
  CAF_CHECK_EQUAL(ids("ListMessagesBySession", R"("s")"), "early tie late");
  CAF_CHECK_EQUAL(ids("ListMessagesBySession", R"("absent")"), "");
}

CAF_TEST(a file is created and updated whole) {
  add_session("s");
  auto created = R"({"id":"f","session_id":"s","path":"/p","content":"a\u0000b",
      "version":"v1","created_at":"now","updated_at":"now"})";
  CHECK_JSON(
    call("CreateFile", R"({"id":"f","session_id":"s","path":"/p",
         "content":"a\u0000b","version":"v1"})"),
    created);
  CHECK_JSON(call("GetFile", R"("f")"), created);
  must(db.execute(
    "DELETE FROM files; INSERT INTO files (id, session_id, path, content,"
    " version, updated_at, created_at)"
    " VALUES ('f', 's', '/p', 'old', 'v1', 5, 7)"));
  auto updated =
    R"({"id":"f","session_id":"s","path":"/p","content":"","version":"v2",
      "created_at":7,"updated_at":"now"})";
  CHECK_JSON(
    call("UpdateFile", R"({"id":"f","content":"","version":"v2"})"), updated);
  CHECK_JSON(call("GetFile", R"("f")"), updated);
  CHECK_JSON(
    call("UpdateFile", R"({"id":"absent","content":"","version":""})"), "null");
}

CAF_TEST(a version of a file exists once) {
  add_session("s");
  add_file("f1", "s", "/p", "v1");
  add_file("f2", "s", "/p", "v2");
  auto conflict =
    "CONFLICT: UNIQUE constraint failed: files.path, files.session_id, "
    "files.version";
  CAF_CHECK_EQUAL(
    call.error("CreateFile", R"({"id":"f3","session_id":"s","path":"/p",
               "content":"","version":"v1"})"),
    conflict);
  CAF_CHECK_EQUAL(
    call.error("UpdateFile", R"({"id":"f2","content":"","version":"v1"})"),
    conflict);
  CAF_CHECK_EQUAL(
    call.error("CreateFile", R"({"id":"f3","session_id":"absent",
               "path":"/p","content":"","version":"v1"})"),
    "CONFLICT: FOREIGN KEY constraint failed");
}

CAF_TEST(a file of a mebibyte comes back whole) {
  add_session("s");
  std::string content;
  while (content.size() < (1U << 20U))
    content += "\xe6\xbc\xa2 0123456789\n";
  boost::json::object params{
    {"id", "f"},
    {"session_id", "s"},
    {"path", "/p"},
    {"content", content},
    {"version", "v1"}};
  auto created = call("CreateFile", boost::json::serialize(params));
  CAF_CHECK(created.at("content").as_string() == content);
  CAF_CHECK(call("GetFile", R"("f")").at("content").as_string() == content);
}

CAF_TEST(files are deleted one by one and by session) {
  add_session("s");
  add_session("t");
  add_file("f1", "s", "/1", "v");
  add_file("f2", "s", "/2", "v");
  add_file("f3", "t", "/3", "v");
  CHECK_JSON(call("DeleteFile", R"("f1")"), "null");
  CHECK_JSON(call("DeleteFile", R"("f1")"), "null");
  CAF_CHECK_EQUAL(ids("ListFilesBySession", R"("s")"), "f2");
  CHECK_JSON(call("DeleteSessionFiles", R"("s")"), "null");
  CAF_CHECK_EQUAL(ids("ListFilesBySession", R"("s")"), "");
  CAF_CHECK_EQUAL(ids("ListFilesBySession", R"("t")"), "f3");
}

CAF_TEST(files are listed in the order that each list has) {
  add_session("s");
  add_session("t");
  add_file("a1", "s", "/a", "1");
  add_file("b1", "s", "/b", "1");
  add_file("a2", "s", "/a", "2");
  add_file("a3", "s", "/a", "3");
  add_file("c1", "s", "/c", "1");
  add_file("ta", "t", "/a", "1");
  set_created("files", "a1", 5);
  set_created("files", "b1", 4);
  set_created("files", "a2", 3);
  set_created("files", "a3", 5); // as old as a1, but inserted later
  set_created("files", "c1", 1);
  set_created("files", "ta", 4);
  CAF_CHECK_EQUAL(ids("ListFilesByPath", R"("/a")"), "a3 a1 ta a2");
  CAF_CHECK_EQUAL(ids("ListFilesBySession", R"("s")"), "c1 a2 b1 a1 a3");
  CAF_CHECK_EQUAL(ids("ListLatestSessionFiles", R"("s")"), "a3 b1 c1");
  CAF_CHECK_EQUAL(ids("ListLatestSessionFiles", R"("t")"), "ta");
  CAF_CHECK_EQUAL(ids("ListNewFiles"), "ta b1 c1");
  auto newest = [this](std::string_view session) {
    return call(
      "GetFileByPathAndSession",
      R"({"path":"/a","session_id":")" + std::string{session} + R"("})");
  };
  CHECK_JSON(
    newest("s"), R"({"id":"a3","session_id":"s","path":"/a","content":"C",
    "version":"3","created_at":5,"updated_at":"now"})");
  CHECK_JSON(newest("t").at("id"), R"("ta")");
  CHECK_JSON(newest("absent"), "null");
}

CAF_TEST_FIXTURE_SCOPE_END()
