#include "app/commands/bench/plain_connection.hpp"

#include "storage/binding.hpp"
#include "storage/schema.hpp"
#include "storage/scopes.hpp"
#include "storage/sql_text.hpp"

#include <string>
#include <utility>

namespace dbproxy {

result<plain_connection> plain_connection::open(
  const bench_order& order, lock_wait how,
  std::chrono::milliseconds busy_timeout) {
  open_options options;
  options.path = order.location;
  options.sync = order.sync == "full" ? sync_mode::full : sync_mode::normal;
  options.own_vfs = false;
  auto db = open_connection(options);
  if (!db)
    return db.error();
  // Back to what SQLite does when it is told nothing. The first replaces the
  // connection's WAL hook.
  auto plain = db->execute("PRAGMA wal_autocheckpoint = 1000;"
                           "PRAGMA journal_size_limit = -1;"
                           "PRAGMA cell_size_check = OFF;");
  if (plain && how == lock_wait::sqlite)
    plain = db->execute(
      "PRAGMA busy_timeout = " + std::to_string(busy_timeout.count()));
  if (!plain)
    return plain.error();
  return plain_connection{std::move(*db), how, busy_timeout};
}

plain_connection::plain_connection(
  connection db, lock_wait how, std::chrono::milliseconds busy_timeout)
  : db_(std::move(db)),
    how_(how),
    busy_timeout_(busy_timeout) {}

result<void> plain_connection::write(const create_message& params) {
  if (how_ == lock_wait::steady)
    db_.set_lock_wait(std::chrono::steady_clock::now() + busy_timeout_);
  auto transaction = immediate_transaction::begin(db_);
  if (!transaction)
    return transaction.error();
  auto insert = db_.prepare(find_section(create_message::spec.name));
  if (!insert)
    return insert.error();
  if (auto bound = bind_members(*insert, params); !bound)
    return bound;
  if (auto done = insert->finish(); !done)
    return done;
  return transaction->commit();
}

} // namespace dbproxy
