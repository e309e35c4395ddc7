// The writer: owns the one read-write connection of an instance and runs
// batches on it. Spawn it detached: its work blocks on the disk and the lock.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "storage/checkpoint.hpp"
#include "storage/journal.hpp"
#include "storage/schema.hpp"
#include "storage/sqlite.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace dbproxy {

/// What the writer and the other instances tell each other.
struct writer_signals {
  /// Called as long as a batch waits for SQLite's lock, on the writer's thread.
  std::function<void()> on_busy = {};
  /// True while the next batch is likely to come as soon as one is answered.
  std::function<bool()> is_lone = [] { return false; };
};

struct writer_state {
  static inline const char* name = "writer";

  /// What runs the batches; made on the writer's own thread.
  struct tools {
    // Closed last, so that its end can leave a single file.
    checkpointer checkpoints;
    connection database;
    journal entries;
  };

  batch_result run(
    const std::vector<batch_entry>& entries,
    std::optional<time_point> lock_until, std::optional<std::int64_t> epoch);
  batch_result commit(const commit_command& command);
  checkpoint_report checkpoint(const checkpoint_command& command);

  std::optional<tools> opened;
  std::shared_ptr<metrics> figures;
  writer_signals signals;
};

/// Opens the database at `options`; throws write_failure, and so goes down
/// with that reason, when it cannot. `figures` is told what it is busy with.
writer_actor::behavior_type writer(
  writer_actor::stateful_pointer<writer_state> self, open_options options,
  std::shared_ptr<metrics> figures, writer_signals signals = {});

} // namespace dbproxy
