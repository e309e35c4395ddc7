// Checkpoints: what is in the WAL goes into the database file, so that the WAL
// can begin anew and stays bounded. Only the primary makes them.
#pragma once

#include "messages/errors.hpp"
#include "storage/schema.hpp"
#include "storage/sqlite.hpp"

namespace dbproxy {

/// What a checkpoint came to.
struct checkpoint_outcome {
  int log_pages = 0;          ///< in the WAL
  int checkpointed_pages = 0; ///< of these, now in the database file

  /// True where the next commit of anybody overwrites the WAL from its
  /// beginning, if no reader is left that began before the checkpoint.
  bool is_complete() const noexcept {
    return checkpointed_pages == log_pages;
  }
};

/// Makes checkpoints on a connection of its own. The thread of the writer's
/// connection; it owns its connection.
///
/// In SQLite up to 3.51.2 a checkpoint that runs while another connection
/// commits can corrupt the database. So `run` takes the write lock on the
/// writer's connection, which keeps every other process from committing, and
/// makes a PASSIVE checkpoint beneath it on the second connection, since
/// SQLite makes none on a connection with an open transaction. The modes
/// that take the lock by themselves (FULL, RESTART, TRUNCATE) are not used:
/// where they do not get it within the patience of a busy handler, they go
/// on as PASSIVE without it, and they block the writer on slow readers.
/// Readers never wait for this checkpoint, nor it for them: what an old
/// snapshot still needs stays for the next one.
///
/// A WAL that was copied completely is begun anew by the next commit, unless
/// a reader from before the checkpoint is still there. The next checkpoint is
/// then due as soon as the WAL has grown by as much again.
class checkpointer {
public:
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

  connection db_;
};

} // namespace dbproxy
