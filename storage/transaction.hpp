// A batch of writes as one transaction: the lock, the journal, a savepoint for
// each write, one commit for all of them.
#pragma once

#include "messages/boxed.hpp"
#include "messages/errors.hpp"
#include "storage/journal.hpp"
#include "storage/prepared_write.hpp"
#include "storage/sqlite.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace dbproxy {

/// A write, and whether a resend of it is to be recognised.
struct batch_entry {
  write_ptr write;
  bool journaled = true; ///< has no effect where the write has no request id
  /// Nothing is begun after this; TIMEOUT then.
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
};

/// What a write came to.
struct written {
  boxed value;
  bool replayed = false; ///< recorded earlier, not done again: no new event
  /// When its batch was done; no time where it comes from another process.
  std::chrono::steady_clock::time_point done_at = {};
};

struct batch_result {
  enum class status {
    committed,    ///< every result is final; some or all may be errors
    lock_not_had, ///< nothing was tried; BUSY for every write
    fenced,       ///< nothing was tried: the epoch is over; UNAVAILABLE
    failed,       ///< nothing of it was kept that was not there before
    interrupted,  ///< as failed, because something threw; INTERNAL
  };

  status outcome = status::failed;
  /// One for each write, in their order, whatever the outcome.
  std::vector<result<written>> results;
  /// In the WAL after the commit; see connection::wal_pages.
  int wal_pages = 0;
  /// How long each write occupied the connection, journal included; no time
  /// for those that were not tried.
  std::vector<std::chrono::nanoseconds> occupied;
  /// How long it took to get the lock; none where it was not had.
  std::chrono::nanoseconds lock_took{0};
  /// How long the COMMIT took; none where it did not come to that.
  std::chrono::nanoseconds commit_took{0};
  /// What was thrown on the way, if anything: `outcome` says how far it came.
  std::exception_ptr thrown;
};

/// Commits a batch on `db`, which is in no transaction. Waits for the lock
/// until the deadline, and without one not at all.
///
/// A write that fails fails alone; where SQLite rolls back everything with it
/// (a full disk, ON CONFLICT ROLLBACK), the others are run again, each in a
/// transaction of its own. A write whose request id is in the journal is not
/// done again and returns what it returned then, even where the batch fails.
/// Where the commit fails, all others get its error; its outcome is `unknown`
/// only where it is open whether the commit took place.
///
/// Does not throw: what is thrown is in the result, which still says what is
/// committed and what is not. `db` is in no transaction then, but should not be
/// gone on with.
///
/// With an `epoch`, nothing is done unless it still is the database's: a
/// primary that was overtaken commits nothing. `on_busy` is called as long as
/// the lock is waited for, on this thread.
///
/// Nobody may be told of a result before this returns. The thread of `db`.
batch_result run_batch(
  connection& db, journal& log, std::span<const batch_entry> batch,
  lock_deadline deadline, std::optional<std::int64_t> epoch = {},
  const std::function<void()>& on_busy = {});

} // namespace dbproxy
