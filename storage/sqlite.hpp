// One SQLite connection, its prepared statements, and the guards that end a
// transaction or a savepoint whatever happens. Opening is in schema.hpp.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace dbproxy {

/// A point in time until which a lock is waited for; none: do not wait.
using lock_deadline = std::optional<std::chrono::steady_clock::time_point>;

enum class access { read_write, read_only };

/// When a commit is durable: `full` survives a power cut, `normal` the death
/// of the process only.
enum class sync_mode { full, normal };

namespace detail {

struct connection_state;
struct cached_statement;

} // namespace detail

/// A prepared statement in use. Goes back to the cache of its connection,
/// reset and with its bindings cleared, at the end of its scope; it must not
/// outlive the connection. The thread of the connection.
///
/// The first failure of a bind is kept and returned by the next `step`.
class statement {
public:
  statement(statement&& other) noexcept;
  statement& operator=(statement&&) = delete;
  ~statement();

  /// Parameters are numbered from 1.
  int parameter_count() const noexcept;
  /// The name without its prefix; empty for a nameless parameter.
  std::string_view parameter_name(int index) const noexcept;

  void bind_null(int index) noexcept;
  void bind_integer(int index, std::int64_t value) noexcept;
  void bind_real(int index, double value) noexcept;
  /// NUL bytes are text like any other. The text must stay as it is until the
  /// statement goes out of scope.
  void bind_text(int index, std::string_view text) noexcept;
  /// As bind_text, of a text that may go at once.
  void bind_text_copy(int index, std::string_view text) noexcept;
  /// The bytes must stay as they are until the statement goes out of scope.
  void bind_blob(int index, std::span<const std::byte> bytes) noexcept;

  /// True: there is a row to read. False: the statement is done, and must not
  /// be stepped again. A failed statement has had no effect.
  result<bool> step();
  /// Steps until the statement is done, whatever rows it returns.
  result<void> finish();

  /// Columns are numbered from 0 and belong to the current row.
  int column_count() const noexcept;
  std::string_view column_name(int column) const noexcept;
  bool is_null(int column) const noexcept;
  std::int64_t integer(int column) const noexcept;
  double real(int column) const noexcept;
  /// Valid until the next step.
  std::string_view text(int column) const noexcept;
  std::span<const std::byte> blob(int column) const noexcept;

private:
  friend class connection;
  statement(sqlite3_stmt* handle, detail::cached_statement* slot) noexcept;

  sqlite3_stmt* handle_;
  detail::cached_statement* slot_; // null: not from the cache, finalized
  int bind_code_ = 0;
};

/// An open database. Movable; one thread at a time, and any thread.
class connection {
public:
  /// Takes over a handle that was opened with SQLITE_OPEN_NOMUTEX. Every
  /// connection comes from `open_connection` (schema.hpp).
  explicit connection(sqlite3* handle);
  connection(connection&& other) noexcept;
  connection& operator=(connection&& other) noexcept;
  ~connection();

  /// Runs one or more statements and ignores their rows. Stops at the first
  /// error.
  result<void> execute(std::string_view sql);

  /// One statement, from the cache if it was prepared before. INTERNAL if
  /// `sql` is not exactly one statement.
  result<statement> prepare(std::string_view sql);

  /// How long this connection waits from now on for a lock that another one
  /// holds. It tries every limits::lock_poll_interval, so that a waiter has
  /// the same chance as a newcomer. A new connection does not wait.
  void set_lock_wait(lock_deadline deadline) noexcept;

  bool in_transaction() const noexcept;

  /// Pages in the WAL after the last commit of this connection; 0 before it.
  int wal_pages() const noexcept;

  /// True while a foreign key of this transaction points to nothing: COMMIT
  /// would fail.
  bool has_unresolved_foreign_keys() const noexcept;

  /// The rowid of the last INSERT on this connection.
  std::int64_t last_insert_rowid() const noexcept;

  /// The absolute path of the database file.
  std::string path() const;

  /// The error that SQLite reported last.
  write_error last_error() const;

  /// For the .cpp files of storage/.
  sqlite3* native() const noexcept;

private:
  friend class commit_bar;
  std::unique_ptr<detail::connection_state> state_;
};

/// A write transaction, taken at its beginning so that it cannot be refused
/// halfway. Rolled back at the end of its scope unless it was committed.
class immediate_transaction {
public:
  /// BUSY where the lock was not free within the connection's lock wait.
  static result<immediate_transaction> begin(connection& db);

  immediate_transaction(immediate_transaction&& other) noexcept;
  immediate_transaction& operator=(immediate_transaction&&) = delete;
  ~immediate_transaction();

  /// When it fails the transaction is rolled back. Where it cannot be known
  /// whether the commit is on the disk, the outcome of the error is `unknown`.
  result<void> commit();

private:
  explicit immediate_transaction(connection& db) noexcept : db_(&db) {}

  connection* db_; // null once it has ended
};

/// A part of a transaction that can be undone alone. Undone at the end of its
/// scope unless it was released.
class savepoint {
public:
  static result<savepoint> begin(connection& db);

  savepoint(savepoint&& other) noexcept;
  savepoint& operator=(savepoint&&) = delete;
  ~savepoint();

  /// Keeps what was done since.
  result<void> release();
  /// Undoes what was done since.
  result<void> roll_back();

private:
  explicit savepoint(connection& db) noexcept : db_(&db) {}

  connection* db_;
};

/// While it lives, a COMMIT on the connection becomes a ROLLBACK: a write of
/// the host cannot end the transaction that it shares with others.
class commit_bar {
public:
  explicit commit_bar(connection& db) noexcept;
  commit_bar(const commit_bar&) = delete;
  commit_bar& operator=(const commit_bar&) = delete;
  ~commit_bar();

private:
  detail::connection_state& state_;
};

} // namespace dbproxy
