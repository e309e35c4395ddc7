// A reader: owns a read-only connection and runs reads on it. Spawn it
// detached. A pool of them shares the reads of an instance.
#pragma once

#include "actors/errors.hpp"
#include "actors/interfaces.hpp"
#include "storage/schema.hpp"
#include "storage/sqlite.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace dbproxy {

struct reader_state {
  static inline const char* name = "reader";

  caf::result<boxed> run(const read_command& command);
  caf::result<storage_status> status();

  std::optional<connection> database;
};

/// Opens the database at `options`, read-only; throws write_failure when it
/// cannot.
reader_actor::behavior_type
reader(reader_actor::stateful_pointer<reader_state> self, open_options options);

/// The readers of an instance, in turn, with a bound on what waits for them.
/// Any thread.
class read_pool {
public:
  /// `size` readers, at least 1, to be set.
  explicit read_pool(std::size_t size) : readers_(size) {}

  std::size_t size() const noexcept { return readers_.size(); }

  /// Puts a reader in its place; before the first use, or for one that failed.
  void set(std::size_t place, reader_actor reader);

  /// The reader in that place.
  reader_actor get(std::size_t place) const;

  /// The next reader, or BUSY when limits::queued_reads_max are waiting for
  /// each. Every success must be matched by a `release`.
  result<reader_actor> acquire();

  void release() noexcept { --waiting_; }

private:
  mutable std::mutex mutex_;
  std::vector<reader_actor> readers_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> waiting_{0};
};

/// Runs a read on the next reader for the actor `self`, and then calls
/// `done(result<boxed>)`: at once if it cannot start, TIMEOUT if it takes
/// longer than `timeout`. INVALID_PARAMS names the field.
template <class Self, class Done>
void run_read(
  Self* self, const std::shared_ptr<read_pool>& pool, const method_ptr& entry,
  boxed params, std::chrono::nanoseconds timeout, Done done) {
  auto fail = [done, entry](write_error error) mutable {
    error.method = entry->name;
    error.outcome = write_outcome::not_applied;
    done(result<boxed>{std::move(error)});
  };
  if (auto valid = entry->params->validate(params); !valid)
    return fail(valid.error());
  auto target = pool->acquire();
  if (!target)
    return fail(target.error());
  self->request(*target, timeout, read_command{entry, std::move(params)})
    .then(
      [pool, done](const boxed& value) mutable {
        pool->release();
        done(result<boxed>{value});
      },
      [pool, fail](const caf::error& reason) mutable {
        pool->release();
        fail(from_caf(reason));
      });
}

} // namespace dbproxy
