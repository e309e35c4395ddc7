// Checkpoints: what is in the WAL goes into the database file, so that the WAL
// can begin anew and stays bounded. Only the primary makes them.
#pragma once

#include "messages/errors.hpp"
#include "storage/schema.hpp"
#include "storage/sqlite.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace dbproxy {

/// What a checkpoint came to.
struct checkpoint_outcome {
  int log_pages = 0;          ///< in the WAL
  int checkpointed_pages = 0; ///< of these, now in the database file

  /// True where the next commit, by whomever, begins the WAL anew, unless a
  /// reader from before the checkpoint is still there then.
  bool is_complete() const noexcept { return checkpointed_pages == log_pages; }
};

/// Makes checkpoints on a connection of its own. The thread of the writer's
/// connection; it owns its connection.
///
/// In SQLite up to 3.51.2 a checkpoint that runs while another connection
/// commits can corrupt the database. So `run` takes the write lock on the
/// writer's connection, which keeps every process from committing, and makes
/// PASSIVE checkpoints beneath it on the second connection, since SQLite makes
/// none on a connection with an open transaction. The modes that take the lock
/// by themselves (FULL, RESTART, TRUNCATE) are not used: where they do not get
/// it within the patience of a busy handler they go on as PASSIVE without it,
/// and a busy handler cannot tell whether it is the lock or a reader that it
/// waits for, so it could not be patient with the one and not the other.
///
/// Readers never wait. A reader of an old snapshot keeps the checkpoint from
/// being complete, and one from before it keeps the WAL from beginning anew;
/// both are given a moment to leave, `reader_wait_max` each at most, while
/// the write lock keeps new ones from getting in the way. What a longer reader
/// needs stays for the next checkpoint, which is due when the WAL has grown by
/// as much again.
class checkpointer {
public:
  /// How long writers are kept waiting for readers, twice at most.
  static constexpr std::chrono::milliseconds reader_wait_max{10};

  /// Opens the second connection, read-write, as `options` say.
  static result<checkpointer> open(open_options options);

  /// One checkpoint. Waits for the write lock until the deadline, without one
  /// not at all: BUSY. BUSY also where another program is making one. `writer`
  /// is in no transaction.
  result<checkpoint_outcome> run(connection& writer, lock_deadline deadline);

  /// `run`, before a clean end. Where the checkpointer is then the last
  /// connection of any process to be closed, the WAL goes, and the database
  /// is a single file: SQLite does that under an exclusive lock on the file,
  /// so that nobody can commit meanwhile. TRUNCATE would give no more, and
  /// has the fault described above.
  result<checkpoint_outcome> finish(connection& writer, lock_deadline deadline);

private:
  explicit checkpointer(connection db) noexcept : db_(std::move(db)) {}

  result<checkpoint_outcome> copy_pages();
  result<checkpoint_outcome> copy_patiently();
  void learn(const connection& writer);

  connection db_;
  // The pause for readers from before a checkpoint. It is as long as the last
  // checkpoints have taught: none where nobody reads.
  std::chrono::microseconds pause_{0};
  // After the last checkpoint, if it was complete.
  struct completed {
    int wal_pages;
    std::uint64_t wal_restarts;
  };
  std::optional<completed> last_;
};

} // namespace dbproxy
