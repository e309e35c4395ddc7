// Sessions, their messages and their files: records and methods.
#pragma once

#include "messages/method.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

// -- records -----------------------------------------------------------------

/// Times are Unix seconds; counts, tokens and cost are never negative.
struct session {
  std::string id;
  std::optional<std::string> parent_session_id;
  std::string title;
  std::int64_t message_count = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double cost = 0;
  std::int64_t updated_at = 0;
  std::int64_t created_at = 0;
  std::optional<std::string> summary_message_id;

  bool operator==(const session&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  session, (),
  (id, parent_session_id, title, message_count, prompt_tokens,
   completion_tokens, cost, updated_at, created_at, summary_message_id))

/// `parts` is a JSON text that dbproxy stores as it is.
struct message {
  std::string id;
  std::string session_id;
  std::string role;
  std::string parts;
  std::optional<std::string> model;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;
  std::optional<std::int64_t> finished_at;

  bool operator==(const message&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  message, (),
  (id, session_id, role, parts, model, created_at, updated_at, finished_at))

/// Unique by path, session and version.
struct file {
  std::string id;
  std::string session_id;
  std::string path;
  std::string content;
  std::string version;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;

  bool operator==(const file&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  file, (), (id, session_id, path, content, version, created_at, updated_at))

// -- session writes ----------------------------------------------------------

struct create_session {
  using returns = session;
  static constexpr auto spec =
    write_method("CreateSession", "db.session.created");

  std::string id;
  std::optional<std::string> parent_session_id;
  std::string title;
  std::int64_t message_count = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double cost = 0;
};
BOOST_DESCRIBE_STRUCT(
  create_session, (),
  (id, parent_session_id, title, message_count, prompt_tokens,
   completion_tokens, cost))

/// Null when there is no such session.
struct update_session {
  using returns = std::optional<session>;
  static constexpr auto spec =
    write_method("UpdateSession", "db.session.updated");

  std::string id;
  std::string title;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::optional<std::string> summary_message_id;
  double cost = 0;
};
BOOST_DESCRIBE_STRUCT(
  update_session, (),
  (id, title, prompt_tokens, completion_tokens, summary_message_id, cost))

/// Its messages, files and scores go with it.
struct delete_session {
  using returns = void;
  static constexpr auto spec =
    write_method("DeleteSession", "db.session.deleted");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(delete_session, (), (id))

struct delete_session_messages {
  using returns = void;
  static constexpr auto spec =
    write_method("DeleteSessionMessages", "db.message.deleted");

  std::string session_id;
};
BOOST_DESCRIBE_STRUCT(delete_session_messages, (), (session_id))

struct delete_session_files {
  using returns = void;
  static constexpr auto spec =
    write_method("DeleteSessionFiles", "db.file.deleted");

  std::string session_id;
};
BOOST_DESCRIBE_STRUCT(delete_session_files, (), (session_id))

// -- message writes ----------------------------------------------------------

struct create_message {
  using returns = message;
  static constexpr auto spec =
    write_method("CreateMessage", "db.message.created");

  std::string id;
  std::string session_id;
  std::string role;
  std::string parts;
  std::optional<std::string> model;
};
BOOST_DESCRIBE_STRUCT(create_message, (), (id, session_id, role, parts, model))

struct update_message {
  using returns = void;
  static constexpr auto spec =
    write_method("UpdateMessage", "db.message.updated");

  std::string id;
  std::string parts;
  std::optional<std::int64_t> finished_at;
};
BOOST_DESCRIBE_STRUCT(update_message, (), (id, parts, finished_at))

struct delete_message {
  using returns = void;
  static constexpr auto spec =
    write_method("DeleteMessage", "db.message.deleted");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(delete_message, (), (id))

// -- file writes -------------------------------------------------------------

struct create_file {
  using returns = file;
  static constexpr auto spec = write_method("CreateFile", "db.file.created");

  std::string id;
  std::string session_id;
  std::string path;
  std::string content;
  std::string version;
};
BOOST_DESCRIBE_STRUCT(create_file, (), (id, session_id, path, content, version))

/// Null when there is no such file.
struct update_file {
  using returns = std::optional<file>;
  static constexpr auto spec = write_method("UpdateFile", "db.file.updated");

  std::string id;
  std::string content;
  std::string version;
};
BOOST_DESCRIBE_STRUCT(update_file, (), (id, content, version))

struct delete_file {
  using returns = void;
  static constexpr auto spec = write_method("DeleteFile", "db.file.deleted");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(delete_file, (), (id))

// -- reads -------------------------------------------------------------------

struct get_session_by_id {
  using returns = std::optional<session>;
  static constexpr auto spec = read_method("GetSessionByID");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(get_session_by_id, (), (id))

/// Top-level sessions that have messages, newest first.
struct list_sessions {
  using returns = std::vector<session>;
  static constexpr auto spec = read_method("ListSessions");
};
BOOST_DESCRIBE_STRUCT(list_sessions, (), ())

struct get_message {
  using returns = std::optional<message>;
  static constexpr auto spec = read_method("GetMessage");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(get_message, (), (id))

/// Oldest first.
struct list_messages_by_session {
  using returns = std::vector<message>;
  static constexpr auto spec = read_method("ListMessagesBySession");

  std::string session_id;
};
BOOST_DESCRIBE_STRUCT(list_messages_by_session, (), (session_id))

struct get_file {
  using returns = std::optional<file>;
  static constexpr auto spec = read_method("GetFile");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(get_file, (), (id))

/// The newest version of a path in a session.
struct get_file_by_path_and_session {
  using returns = std::optional<file>;
  static constexpr auto spec = read_method("GetFileByPathAndSession");

  std::string path;
  std::string session_id;
};
BOOST_DESCRIBE_STRUCT(get_file_by_path_and_session, (), (path, session_id))

/// Newest first.
struct list_files_by_path {
  using returns = std::vector<file>;
  static constexpr auto spec = read_method("ListFilesByPath");

  std::string path;
};
BOOST_DESCRIBE_STRUCT(list_files_by_path, (), (path))

/// Oldest first.
struct list_files_by_session {
  using returns = std::vector<file>;
  static constexpr auto spec = read_method("ListFilesBySession");

  std::string session_id;
};
BOOST_DESCRIBE_STRUCT(list_files_by_session, (), (session_id))

/// Each path's newest version, by path.
struct list_latest_session_files {
  using returns = std::vector<file>;
  static constexpr auto spec = read_method("ListLatestSessionFiles");

  std::string session_id;
};
BOOST_DESCRIBE_STRUCT(list_latest_session_files, (), (session_id))

/// Files that have one version only in their session: they appeared and were
/// not changed since. Newest first.
struct list_new_files {
  using returns = std::vector<file>;
  static constexpr auto spec = read_method("ListNewFiles");
};
BOOST_DESCRIBE_STRUCT(list_new_files, (), ())

/// The methods of this header, for the catalogue.
using session_methods = boost::mp11::mp_list<
  create_session, update_session, delete_session, delete_session_messages,
  delete_session_files, create_message, update_message, delete_message,
  create_file, update_file, delete_file, get_session_by_id, list_sessions,
  get_message, list_messages_by_session, get_file, get_file_by_path_and_session,
  list_files_by_path, list_files_by_session, list_latest_session_files,
  list_new_files>;

} // namespace dbproxy
