// Projects: record and methods.
#pragma once

#include "messages/method.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

/// Unique by path. Times are Unix seconds.
struct project {
  std::string id;
  std::string name;
  std::string path;
  std::string status;
  bool initialized = false;
  std::optional<std::int64_t> acp_pid;
  std::optional<std::int64_t> acp_port;
  std::optional<std::int64_t> last_opened;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;

  bool operator==(const project&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  project, (),
  (id, name, path, status, initialized, acp_pid, acp_port, last_opened,
   created_at, updated_at))

// -- writes ------------------------------------------------------------------

struct create_project {
  using returns = project;
  static constexpr auto spec =
    write_method("CreateProject", "db.project.created");

  std::string id;
  std::string name;
  std::string path;
  std::string status;
  bool initialized = false;
  std::optional<std::int64_t> acp_pid;
  std::optional<std::int64_t> acp_port;
  std::optional<std::int64_t> last_opened;
};
BOOST_DESCRIBE_STRUCT(
  create_project, (),
  (id, name, path, status, initialized, acp_pid, acp_port, last_opened))

struct update_project_status {
  using returns = void;
  static constexpr auto spec =
    write_method("UpdateProjectStatus", "db.project.updated");

  std::string id;
  std::string status;
  std::optional<std::int64_t> acp_pid;
  std::optional<std::int64_t> acp_port;
};
BOOST_DESCRIBE_STRUCT(
  update_project_status, (), (id, status, acp_pid, acp_port))

struct update_project_last_opened {
  using returns = void;
  static constexpr auto spec =
    write_method("UpdateProjectLastOpened", "db.project.updated");

  std::string id;
  std::optional<std::int64_t> last_opened;
};
BOOST_DESCRIBE_STRUCT(update_project_last_opened, (), (id, last_opened))

struct update_project_name {
  using returns = void;
  static constexpr auto spec =
    write_method("UpdateProjectName", "db.project.updated");

  std::string id;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(update_project_name, (), (id, name))

struct mark_project_initialized {
  using returns = void;
  static constexpr auto spec =
    write_method("MarkProjectInitialized", "db.project.updated");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(mark_project_initialized, (), (id))

struct delete_project {
  using returns = void;
  static constexpr auto spec =
    write_method("DeleteProject", "db.project.deleted");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(delete_project, (), (id))

// -- reads -------------------------------------------------------------------

struct get_project {
  using returns = std::optional<project>;
  static constexpr auto spec = read_method("GetProject");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(get_project, (), (id))

struct get_project_by_path {
  using returns = std::optional<project>;
  static constexpr auto spec = read_method("GetProjectByPath");

  std::string path;
};
BOOST_DESCRIBE_STRUCT(get_project_by_path, (), (path))

/// Last opened first, never-opened last.
struct list_projects {
  using returns = std::vector<project>;
  static constexpr auto spec = read_method("ListProjects");
};
BOOST_DESCRIBE_STRUCT(list_projects, (), ())

/// The methods of this header, for the catalogue.
using project_methods = boost::mp11::mp_list<
  create_project, update_project_status, update_project_last_opened,
  update_project_name, mark_project_initialized, delete_project, get_project,
  get_project_by_path, list_projects>;

} // namespace dbproxy
