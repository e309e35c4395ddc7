// The methods of projects: complete rows, orders, and what happens where there
// is nothing.
#define CAF_SUITE storage_project_methods
#include "temp_database.hpp"

#include <string>
#include <string_view>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

constexpr auto full_project =
  R"({"id":"p","name":"N","path":"/p","status":"open","initialized":true,
    "acp_pid":1,"acp_port":2,"last_opened":3,"created_at":"now",
    "updated_at":"now"})";

struct fixture : method_fixture {
  fixture() {
    CHECK_JSON(
      call("CreateProject", R"({"id":"p","name":"N","path":"/p",
           "status":"open","initialized":true,"acp_pid":1,"acp_port":2,
           "last_opened":3})"),
      full_project);
  }

  /// The project after an update, which must have renewed updated_at.
  boost::json::value after(std::string_view method, std::string_view params) {
    must(db.execute("UPDATE projects SET updated_at = 5"));
    CHECK_JSON(call(method, params), "null");
    return call("GetProject", R"("p")");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(project_methods_tests, fixture)

CAF_TEST(a project is read back whole by id and by path) {
  CHECK_JSON(call("GetProject", R"("p")"), full_project);
  CHECK_JSON(call("GetProjectByPath", R"("/p")"), full_project);
  CHECK_JSON(call("GetProject", R"("absent")"), "null");
  CHECK_JSON(call("GetProjectByPath", R"("absent")"), "null");
}

CAF_TEST(what is optional may be left out) {
  CHECK_JSON(
    call("CreateProject", R"({"id":"q","name":"","path":"/q","status":"",
         "initialized":false})"),
    R"({"id":"q","name":"","path":"/q","status":"","initialized":false,
    "acp_pid":null,"acp_port":null,"last_opened":null,"created_at":"now",
    "updated_at":"now"})");
}

CAF_TEST(a path has one project) {
  CAF_CHECK_EQUAL(
    call.error("CreateProject", R"({"id":"q","name":"","path":"/p",
               "status":"","initialized":false})"),
    "CONFLICT: UNIQUE constraint failed: projects.path");
  CAF_CHECK_EQUAL(
    call.error("CreateProject", R"({"id":"p","name":"","path":"/q",
               "status":"","initialized":false})"),
    "CONFLICT: UNIQUE constraint failed: projects.id");
}

CAF_TEST(each update changes what it names and no more) {
  CHECK_JSON(
    after("UpdateProjectStatus", R"({"id":"p","status":"busy","acp_pid":7})"),
    R"({"id":"p","name":"N","path":"/p","status":"busy","initialized":true,
    "acp_pid":7,"acp_port":null,"last_opened":3,"created_at":"now",
    "updated_at":"now"})");
  CHECK_JSON(
    after("UpdateProjectLastOpened", R"({"id":"p","last_opened":8})"),
    R"({"id":"p","name":"N","path":"/p","status":"busy","initialized":true,
    "acp_pid":7,"acp_port":null,"last_opened":8,"created_at":"now",
    "updated_at":"now"})");
  CHECK_JSON(
    after("UpdateProjectName", R"({"id":"p","name":"M"})"),
    R"({"id":"p","name":"M","path":"/p","status":"busy","initialized":true,
    "acp_pid":7,"acp_port":null,"last_opened":8,"created_at":"now",
    "updated_at":"now"})");
  must(db.execute("UPDATE projects SET initialized = 0"));
  CHECK_JSON(
    after("MarkProjectInitialized", R"("p")"),
    R"({"id":"p","name":"M","path":"/p","status":"busy","initialized":true,
    "acp_pid":7,"acp_port":null,"last_opened":8,"created_at":"now",
    "updated_at":"now"})");
}

CAF_TEST(an update of what is not there changes nothing) {
  for (auto [method, params] :
       {std::pair{"UpdateProjectStatus", R"({"id":"q","status":"x"})"},
        {"UpdateProjectLastOpened", R"({"id":"q","last_opened":1})"},
        {"UpdateProjectName", R"({"id":"q","name":"x"})"},
        {"MarkProjectInitialized", R"({"id":"q"})"},
        {"DeleteProject", R"({"id":"q"})"}})
    CHECK_JSON(call(method, params), "null");
  CHECK_JSON(call("ListProjects"), "[" + std::string{full_project} + "]");
}

CAF_TEST(a project is deleted) {
  CHECK_JSON(call("DeleteProject", R"("p")"), "null");
  CHECK_JSON(call("ListProjects"), "[]");
}

CAF_TEST(projects are listed as they were opened and never opened ones last) {
  must(db.execute(
    "INSERT INTO projects (id, name, path, status, last_opened, created_at)"
    " VALUES ('old', '', '/1', '', 2, 1), ('never', '', '/2', '', NULL, 1),"
    " ('new', '', '/3', '', 9, 1), ('tie', '', '/4', '', 9, 1),"
    " ('never2', '', '/5', '', NULL, 2)"));
  std::string ids;
  auto list = call("ListProjects");
  for (const auto& project : list.as_array())
    ids += std::string{project.at("id").as_string()} + " ";
  CAF_CHECK_EQUAL(ids, "tie new p old never2 never ");
}

CAF_TEST_FIXTURE_SCOPE_END()
