#include "storage/scopes.hpp"

#include "storage/wal_gathering.hpp"

#include <sqlite3.h>

#include <utility>

namespace dbproxy {

namespace {

result<void> run_once(connection& db, std::string_view sql) {
  auto prepared = db.prepare(sql);
  if (!prepared)
    return prepared.error();
  return prepared->finish();
}

/// For a scope that ends without having been committed: SQLite may have
/// rolled back by itself, so a failure here leaves nothing to undo.
void undo(connection& db, const char* sql) noexcept {
  if (db.in_transaction())
    sqlite3_exec(db.native(), sql, nullptr, nullptr, nullptr);
}

/// The errors of COMMIT after which nothing of the transaction is on the
/// disk, nor will be: it was refused before its last page was written.
bool is_refused_commit(int code) noexcept {
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_CONSTRAINT:
  case SQLITE_FULL:
  case SQLITE_READONLY:
    return true;
  default:
    return false;
  }
}

} // namespace

result<immediate_transaction> immediate_transaction::begin(connection& db) {
  if (auto begun = run_once(db, "BEGIN IMMEDIATE"); !begun)
    return begun.error();
  return immediate_transaction{db};
}

immediate_transaction::immediate_transaction(
  immediate_transaction&& other) noexcept
  : db_(std::exchange(other.db_, nullptr)) {}

immediate_transaction::~immediate_transaction() {
  if (db_ != nullptr)
    undo(*db_, "ROLLBACK");
}

result<void> immediate_transaction::commit() {
  auto& db = *std::exchange(db_, nullptr);
  auto committed = [&db] {
    const commit_gathering pages{db.native()};
    return run_once(db, "COMMIT");
  }();
  if (committed)
    return {};
  auto error = committed.error();
  error.outcome = is_refused_commit(sqlite3_errcode(db.native()))
                    ? write_outcome::not_applied
                    : write_outcome::unknown;
  undo(db, "ROLLBACK");
  return error;
}

result<read_transaction> read_transaction::begin(connection& db) {
  if (db.in_transaction())
    return read_transaction{nullptr};
  if (auto begun = run_once(db, "BEGIN"); !begun)
    return begun.error();
  return read_transaction{&db};
}

read_transaction::read_transaction(read_transaction&& other) noexcept
  : db_(std::exchange(other.db_, nullptr)) {}

read_transaction::~read_transaction() {
  if (db_ != nullptr)
    undo(*db_, "ROLLBACK");
}

result<savepoint> savepoint::begin(connection& db) {
  if (auto begun = run_once(db, "SAVEPOINT dbproxy"); !begun)
    return begun.error();
  return savepoint{db};
}

savepoint::savepoint(savepoint&& other) noexcept
  : db_(std::exchange(other.db_, nullptr)) {}

savepoint::~savepoint() {
  if (db_ == nullptr)
    return;
  undo(*db_, "ROLLBACK TO dbproxy");
  undo(*db_, "RELEASE dbproxy");
}

result<void> savepoint::release() {
  if (auto released = run_once(*db_, "RELEASE dbproxy"); !released)
    return released;
  db_ = nullptr;
  return {};
}

result<void> savepoint::roll_back() {
  if (auto undone = run_once(*db_, "ROLLBACK TO dbproxy"); !undone)
    return undone;
  return release();
}

commit_bar::commit_bar(connection& db) noexcept : db_(db) {
  db_.bar_commits(1);
}

commit_bar::~commit_bar() {
  db_.bar_commits(-1);
}

} // namespace dbproxy
