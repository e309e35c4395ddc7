// A SQLite connection as a program without dbproxy has it: no journal, no
// events, SQLite's automatic checkpoints, one write a transaction.
#pragma once

#include "app/commands/bench/protocol.hpp"
#include "messages/sessions.hpp"
#include "storage/sqlite.hpp"

#include <chrono>

namespace dbproxy {

/// How a plain connection waits for the write lock.
enum class lock_wait {
  sqlite, ///< as sqlite3_busy_timeout does, with growing pauses
  steady, ///< with a constant pause, limits::lock_poll_interval
};

/// One thread.
class plain_connection {
public:
  static result<plain_connection> open(
    const bench_order& order, lock_wait how,
    std::chrono::milliseconds busy_timeout);

  /// One transaction; BUSY where the lock was not free in time.
  result<void> write(const create_message& params);

private:
  plain_connection(
    connection db, lock_wait how, std::chrono::milliseconds busy_timeout);

  connection db_;
  lock_wait how_;
  std::chrono::milliseconds busy_timeout_;
};

} // namespace dbproxy
