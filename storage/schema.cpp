#include "storage/schema.hpp"

#include "storage/scopes.hpp"
#include "storage/sql_text.hpp"
#include "storage/sqlite_error.hpp"
#include "storage/vfs.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

namespace dbproxy {

namespace {

using clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr int wal_reset_fixed_in = 3'051'003;

// -- errors ------------------------------------------------------------------

/// What a user can do about a path that does not let us in. Asks the file
/// system, and never opens the file: closing it again would drop the locks
/// that SQLite holds on it in this process.
std::string path_advice(const open_options& options) {
  const auto& path = options.path;
  auto parent = fs::path{path}.parent_path();
  auto folder = (parent.empty() ? fs::path{"."} : parent).string();
  auto may = [](const std::string& name, int mode) {
    return ::access(name.c_str(), mode) == 0;
  };
  bool writes = options.access == access::read_write;
  std::error_code ignored;
  if (!fs::exists(folder, ignored))
    return "create the directory " + folder;
  if (!may(folder, X_OK))
    return "let this user enter the directory " + folder;
  if (fs::is_directory(path, ignored))
    return "give the path of a file, not of a directory";
  if (!may(path, F_OK) && !writes)
    return "open it for writing once, which creates it";
  if (may(path, F_OK) && !may(path, R_OK))
    return "let this user read the file";
  if (may(path, F_OK) && writes && !may(path, W_OK))
    return errno == EROFS ? "mount the file system for writing"
                          : "let this user write the file";
  if (!may(folder, W_OK))
    return errno == EROFS ? "mount the file system for writing"
                          : "let this user write in the directory " + folder
                              + ", where SQLite keeps the -wal and -shm files";
  return "check the file system";
}

/// What a user can do about SQLite's error `code`.
std::string advice(const open_options& options, int code) {
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return "another program holds its lock: end that one, or try again";
  case SQLITE_NOTADB:
    return "give the path of a SQLite database, or of a file that does not "
           "exist yet";
  case SQLITE_CORRUPT:
    return "restore it from a backup, or save what is left with \".recover\" "
           "of the sqlite3 program";
  case SQLITE_FULL:
    return "free some space on its file system";
  case SQLITE_ERROR:
  case SQLITE_CONSTRAINT:
    return "another program may have tables of the same names there: give the "
           "path of another file";
  default:
    return path_advice(options);
  }
}

/// The error that a caller of this file sees: what, where and what to do.
write_error explain(
  const open_options& options, const write_error& cause,
  const std::string& what_to_do) {
  auto error = cause;
  error.message = "cannot open the database " + options.path + ": "
                  + cause.message + "; " + what_to_do;
  return error;
}

/// `done`, explained if it failed. To be called before anything else is done
/// on the connection, because SQLite keeps the code of the last call only.
template <class T>
result<T>
explained(const open_options& options, connection& db, result<T> done) {
  if (done)
    return done;
  int code = sqlite3_extended_errcode(db.native());
  return explain(options, done.error(), advice(options, code));
}

// -- opening -----------------------------------------------------------------

/// Calls `f` until it succeeds, fails with something else than BUSY, or the
/// deadline has come. SQLite calls no busy handler where waiting could be a
/// deadlock, as between two that switch a new file to WAL.
template <class F>
auto retry_while_busy(clock::time_point deadline, F f) -> decltype(f()) {
  for (;;) {
    auto done = f();
    if (
      done || done.error().code != error_code::busy || clock::now() >= deadline)
      return done;
    std::this_thread::sleep_for(limits::lock_poll_interval);
  }
}

result<connection> open_handle(const open_options& options) {
  int flags = SQLITE_OPEN_NOMUTEX;
  flags |= options.access == access::read_only
             ? SQLITE_OPEN_READONLY
             : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const bool own_vfs = options.own_vfs && options.access == access::read_write;
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(
    options.path.c_str(), &handle, flags, own_vfs ? writing_vfs() : nullptr);
  auto cause = make_sqlite_error(code, sqlite3_errstr(code));
  if (handle == nullptr)
    return explain(options, cause, advice(options, code));
  connection db{handle};
  if (code != SQLITE_OK)
    return explain(options, cause, advice(options, code));
  return db;
}

/// Reads one row with one text column.
result<std::string> read_text(connection& db, std::string_view sql) {
  auto query = db.prepare(sql);
  if (!query)
    return query.error();
  auto row = query->step();
  if (!row)
    return row.error();
  return std::string{*row ? query->text(0) : std::string_view{}};
}

/// A file that cannot be written is opened for reading without a word.
result<void> check_writable(const open_options& options, connection& db) {
  if (
    options.access == access::read_only
    || sqlite3_db_readonly(db.native(), "main") != 1)
    return {};
  return explain(
    options,
    make_sqlite_error(SQLITE_READONLY, sqlite3_errstr(SQLITE_READONLY)),
    advice(options, SQLITE_READONLY));
}

result<void> use_wal(const open_options& options, connection& db) {
  bool writes = options.access == access::read_write;
  auto mode = explained(
    options, db,
    read_text(
      db, writes ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode"));
  if (!mode)
    return mode.error();
  if (*mode == "wal" || !writes)
    return {};
  return explain(
    options,
    make_error(
      error_code::internal,
      "it has the journal mode " + *mode + " and cannot be switched to WAL"),
    "give the path of a file on a local file system");
}

result<void> configure(const open_options& options, connection& db) {
  auto* handle = db.native();
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Our triggers write to FTS5 tables, which a connection that does not trust
  // the schema refuses (seen in 3.40). No connection has functions of its own
  // or loads extensions, so there is little that a foreign schema could call.
  bool writes = options.access == access::read_write;
  sqlite3_db_config(
    handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, writes ? 1 : 0, nullptr);
  std::string_view sync = options.sync == sync_mode::full ? "FULL" : "NORMAL";
  // wal_autocheckpoint is not set: the connection's own WAL hook has taken the
  // place of SQLite's, which makes the automatic checkpoints.
  return db.execute(
    "PRAGMA foreign_keys = ON;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA journal_size_limit = "
    + std::to_string(limits::wal_file_bytes_max)
    + ";"
      "PRAGMA synchronous = "
    + std::string{sync} + ";");
}

// -- migrations --------------------------------------------------------------

result<bool> has_table(connection& db, std::string_view name) {
  auto query = db.prepare(
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = :name");
  if (!query)
    return query.error();
  query->bind_text(1, name);
  return query->step();
}

result<std::int64_t> read_number(connection& db, std::string_view sql) {
  auto query = db.prepare(sql);
  if (!query)
    return query.error();
  auto row = query->step();
  if (!row)
    return row.error();
  return *row ? query->integer(0) : 0;
}

result<void> note_migration(connection& db, const migration& step) {
  auto insert =
    db.prepare("INSERT INTO dbproxy_schema (version, name, applied_at)"
               " VALUES (:version, :name, unixepoch())");
  if (!insert)
    return insert.error();
  insert->bind_integer(1, step.version);
  insert->bind_text(2, step.name);
  return insert->finish();
}

result<void> apply_migration(connection& db, const migration& step) {
  if (auto made = db.execute("CREATE TABLE IF NOT EXISTS dbproxy_schema ("
                             " version INTEGER PRIMARY KEY,"
                             " name TEXT NOT NULL,"
                             " applied_at INTEGER NOT NULL)");
      !made)
    return made;
  if (auto done = db.execute(step.text); !done)
    return done;
  return note_migration(db, step);
}

/// One migration, unless somebody else made it since.
result<void>
migrate_to(const open_options& options, connection& db, const migration& step) {
  auto transaction = explained(options, db, immediate_transaction::begin(db));
  if (!transaction)
    return transaction.error();
  auto version = explained(options, db, read_schema_version(db));
  if (!version)
    return version.error();
  if (*version >= step.version)
    return {};
  auto applied = explained(options, db, apply_migration(db, step));
  if (!applied)
    return applied;
  return explained(options, db, transaction->commit());
}

result<void> check_version(const open_options& options, int found, int needed) {
  auto versions = "its schema has version " + std::to_string(found)
                  + ", this program has " + std::to_string(needed);
  if (found > needed)
    return explain(
      options, make_error(error_code::internal, versions),
      "upgrade this program");
  if (found < needed && options.access == access::read_only)
    return explain(
      options, make_error(error_code::internal, versions),
      "open it for writing once, which brings it up to date");
  return {};
}

} // namespace

result<connection> open_connection(const open_options& options) {
  auto deadline = clock::now() + options.open_wait;
  auto db = open_handle(options);
  if (!db)
    return db;
  db->set_lock_wait(deadline);
  if (auto writable = check_writable(options, *db); !writable)
    return writable.error();
  auto ready = retry_while_busy(deadline, [&]() -> result<void> {
    auto configured = explained(options, *db, configure(options, *db));
    if (!configured)
      return configured;
    return use_wal(options, *db);
  });
  if (!ready)
    return ready.error();
  db->set_lock_wait(std::nullopt);
  return db;
}

result<connection> open_database(const open_options& options) {
  auto deadline = clock::now() + options.open_wait;
  auto db = open_connection(options);
  if (!db)
    return db;
  db->set_lock_wait(deadline);
  auto version = retry_while_busy(deadline, [&] {
    return explained(options, *db, read_schema_version(*db));
  });
  if (!version)
    return version.error();
  auto fits = check_version(options, *version, newest_schema_version());
  if (!fits)
    return fits.error();
  for (const auto& step : migrations()) {
    if (step.version <= *version)
      continue;
    auto done = retry_while_busy(
      deadline, [&] { return migrate_to(options, *db, step); });
    if (!done)
      return done.error();
  }
  db->set_lock_wait(std::nullopt);
  return db;
}

result<int> read_schema_version(connection& db) {
  auto present = has_table(db, "dbproxy_schema");
  if (!present)
    return present.error();
  if (!*present)
    return 0;
  auto version = read_number(db, "SELECT max(version) FROM dbproxy_schema");
  if (!version)
    return version.error();
  return static_cast<int>(*version);
}

result<std::int64_t> raise_epoch(connection& db, lock_deadline deadline) {
  db.set_lock_wait(deadline);
  auto transaction = immediate_transaction::begin(db);
  db.set_lock_wait(std::nullopt);
  if (!transaction)
    return transaction.error();
  auto raised = db.execute(find_section("epoch_raise"));
  if (!raised)
    return raised.error();
  auto epoch = read_epoch(db);
  if (!epoch)
    return epoch;
  if (auto committed = transaction->commit(); !committed)
    return committed.error();
  return epoch;
}

result<std::int64_t> read_epoch(connection& db) {
  return read_number(db, find_section("epoch_read"));
}

std::string_view sqlite_version() noexcept {
  return sqlite3_libversion();
}

bool has_wal_reset_fix() noexcept {
  return sqlite3_libversion_number() >= wal_reset_fixed_in;
}

} // namespace dbproxy
