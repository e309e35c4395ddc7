// The guards that end a transaction or a savepoint whatever happens, and one
// that keeps others from ending it.
#pragma once

#include "messages/errors.hpp"
#include "storage/sqlite.hpp"

namespace dbproxy {

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

/// What is read while it lives is of one moment, that of the first read. Part
/// of the transaction around it where there is one.
class read_transaction {
public:
  static result<read_transaction> begin(connection& db);

  read_transaction(read_transaction&& other) noexcept;
  read_transaction& operator=(read_transaction&&) = delete;
  ~read_transaction();

private:
  explicit read_transaction(connection* db) noexcept : db_(db) {}

  connection* db_; // null where there is nothing to end
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
  connection& db_;
};

} // namespace dbproxy
