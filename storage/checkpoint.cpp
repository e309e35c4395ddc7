#include "storage/checkpoint.hpp"

#include <sqlite3.h>

#include <utility>

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
  writer.set_lock_wait(deadline);
  auto lock = immediate_transaction::begin(writer);
  writer.set_lock_wait(std::nullopt);
  if (!lock)
    return lock.error();
  checkpoint_outcome outcome;
  int code = sqlite3_wal_checkpoint_v2(
    db_.native(), "main", SQLITE_CHECKPOINT_PASSIVE, &outcome.log_pages,
    &outcome.checkpointed_pages);
  if (code != SQLITE_OK)
    return db_.last_error();
  return outcome; // and the lock is given back
}

result<checkpoint_outcome>
checkpointer::finish(connection& writer, lock_deadline deadline) {
  auto outcome = run(writer, deadline);
  sqlite3_db_config(
    db_.native(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return outcome;
}

} // namespace dbproxy
