// One SQLite connection, with a cache of prepared statements and a patience
// for locks. Opening one is in schema.hpp.
#pragma once

#include "messages/errors.hpp"
#include "storage/statement.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;

namespace dbproxy {

/// A point in time until which a lock is waited for; none: do not wait.
using lock_deadline = std::optional<std::chrono::steady_clock::time_point>;

enum class access { read_write, read_only };

/// When a commit is durable: `full` survives a power cut, `normal` the death
/// of the process only.
enum class sync_mode { full, normal };

namespace detail {

struct connection_state;

} // namespace detail

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
  /// the same chance as a newcomer. A new connection does not wait. `on_busy`
  /// is called before each pause, on the connection's thread.
  void set_lock_wait(
    lock_deadline deadline, std::function<void()> on_busy = {}) noexcept;

  bool in_transaction() const noexcept;

  /// Pages in the WAL after the last commit of this connection; 0 before it.
  int wal_pages() const noexcept;

  /// How often a commit of this connection found the WAL begun anew, that is,
  /// shorter than after the commit before it.
  std::uint64_t wal_restarts() const noexcept;

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
  void bar_commits(int more) noexcept;

  std::unique_ptr<detail::connection_state> state_;
};

} // namespace dbproxy
