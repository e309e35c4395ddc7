#include "storage/checkpoint.hpp"

#include "messages/limits.hpp"
#include "storage/scopes.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <thread>

namespace dbproxy {

result<checkpointer> checkpointer::open(open_options options) {
  options.access = access::read_write;
  auto db = open_connection(options);
  if (!db)
    return db.error();
  return checkpointer{std::move(*db)};
}

result<checkpoint_outcome>
checkpointer::run(connection& writer, lock_deadline deadline) {
  learn(writer);
  writer.set_lock_wait(deadline);
  auto lock = immediate_transaction::begin(writer);
  writer.set_lock_wait(std::nullopt);
  if (!lock)
    return lock.error();
  auto outcome = copy_patiently();
  if (outcome && outcome->is_complete()) {
    last_ = {writer.wal_pages(), writer.wal_restarts()};
    std::this_thread::sleep_for(pause_);
  }
  return outcome; // and the lock is given back
}

result<checkpoint_outcome>
checkpointer::finish(connection& writer, lock_deadline deadline) {
  auto outcome = run(writer, deadline);
  sqlite3_db_config(db_.native(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return outcome;
}

/// To be called with the write lock held: see the class.
result<checkpoint_outcome> checkpointer::copy_pages() {
  checkpoint_outcome outcome;
  int code = sqlite3_wal_checkpoint_v2(
    db_.native(), "main", SQLITE_CHECKPOINT_PASSIVE, &outcome.log_pages,
    &outcome.checkpointed_pages);
  if (code != SQLITE_OK)
    return db_.last_error();
  return outcome;
}

/// Copies again until readers of old snapshots have left.
result<checkpoint_outcome> checkpointer::copy_patiently() {
  auto deadline = std::chrono::steady_clock::now() + reader_wait_max;
  for (;;) {
    auto outcome = copy_pages();
    if (
      !outcome || outcome->is_complete()
      || std::chrono::steady_clock::now() >= deadline)
      return outcome;
    std::this_thread::sleep_for(limits::lock_poll_interval);
  }
}

/// Whether the last pause was long enough: then the writer has since seen the
/// WAL begin anew.
void checkpointer::learn(const connection& writer) {
  if (!last_ || writer.wal_pages() == last_->wal_pages)
    return;
  if (writer.wal_restarts() != last_->wal_restarts)
    pause_ /= 2;
  else
    pause_ = std::clamp<std::chrono::microseconds>(
      2 * pause_, limits::lock_poll_interval, reader_wait_max);
  last_.reset();
}

} // namespace dbproxy
