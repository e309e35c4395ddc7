#include "storage/transaction.hpp"

#include "messages/fault_point.hpp"
#include "storage/schema.hpp"
#include "storage/scopes.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace dbproxy {

namespace {

using clock = std::chrono::steady_clock;
using status = batch_result::status;

/// Runs a body, so that it can neither throw nor end the transaction.
result<boxed> run_body(connection& db, const prepared_write& write) {
  commit_bar bar{db};
  try {
    return write.body(db);
  } catch (const write_failure& failure) {
    return failure.error();
  } catch (const std::exception& exception) {
    return make_error(
      error_code::internal,
      std::string{"the method threw: "} + exception.what());
  } catch (...) {
    return make_error(error_code::internal, "the method threw");
  }
}

/// One batch on its way through its transaction.
class batch_run {
public:
  batch_run(
    connection& db, journal& log, std::span<const batch_entry> batch,
    std::optional<std::int64_t> epoch, const std::function<void()>& on_busy)
    : db_(db),
      log_(log),
      batch_(batch),
      epoch_(epoch),
      on_busy_(on_busy) {}

  batch_result run(lock_deadline deadline) {
    try {
      return attempt(deadline);
    } catch (const std::exception& exception) {
      return interrupt(exception.what());
    } catch (...) {
      return interrupt("something unknown was thrown");
    }
  }

  /// The write that took the whole transaction with it when it failed.
  std::optional<std::size_t> culprit() const noexcept { return culprit_; }

private:
  batch_result attempt(lock_deadline deadline) {
    fault_point("writer.before_begin");
    auto asked_at = clock::now();
    db_.set_lock_wait(deadline, on_busy_);
    auto begun = immediate_transaction::begin(db_);
    db_.set_lock_wait(std::nullopt);
    if (!begun)
      return refuse(
        begun.error(), begun.error().code == error_code::busy
                         ? status::lock_not_had
                         : status::failed);
    auto begun_at = clock::now();
    outcome_.lock_took = begun_at - asked_at;
    fault_point("writer.after_begin");
    if (auto valid = check_epoch(); !valid)
      return refuse(
        valid.error(), valid.error().code == error_code::unavailable
                         ? status::fenced
                         : status::failed);
    if (auto kept = keep_house(); !kept)
      return lose(kept.error());
    for (const auto& entry : batch_) {
      add(run_one(entry));
      auto ended_at = clock::now();
      outcome_.occupied.push_back(ended_at - std::exchange(begun_at, ended_at));
      if (lost_)
        return lose(*lost_);
      if (is_alone() && !outcome_.results.back())
        return finish(status::committed); // the guard rolls back
    }
    fault_point("writer.before_commit");
    reached_ = progress::committing;
    auto committed = begun->commit();
    outcome_.commit_took = clock::now() - begun_at;
    if (!committed)
      return lose(committed.error());
    reached_ = progress::committed;
    fault_point("writer.after_commit");
    outcome_.wal_pages = db_.wal_pages();
    return finish(status::committed);
  }

  /// From within a handler: the transaction has been ended on the way to it.
  batch_result interrupt(const std::string& what) {
    outcome_.thrown = std::current_exception();
    if (reached_ == progress::committed)
      return finish(status::committed);
    auto error = make_error(error_code::internal, "the writer threw: " + what);
    if (reached_ == progress::committing) {
      error.outcome = write_outcome::unknown;
      return lose(error);
    }
    return lose(error, status::interrupted);
  }

  bool is_alone() const noexcept { return batch_.size() == 1; }

  /// What has been settled goes, and what is old.
  result<void> keep_house() {
    std::vector<std::string_view> settled;
    for (const auto& entry : batch_)
      if (const auto& id = entry.write->settled_request_id)
        settled.push_back(*id);
    if (auto done = log_.settle(db_, std::move(settled)); !done)
      return done;
    return log_.prune_if_due(db_);
  }

  result<written> run_one(const batch_entry& entry) {
    const auto& write = *entry.write;
    if (!entry.journaled || !write.request_id) {
      if (is_late(entry))
        return late_error();
      return apply_alone(write, false);
    }
    auto known = log_.find(db_, *write.request_id);
    if (!known)
      return known.error();
    if (!*known) {
      if (is_late(entry))
        return late_error();
      return apply_alone(write, true);
    }
    auto value = log_.replay(**known, write);
    if (!value)
      return value.error();
    // An entry made by this very batch is lost with it.
    is_kept_ = !first_recorded_ || (*known)->entry < *first_recorded_;
    return written{std::move(*value), true};
  }

  /// Applies a write in a savepoint of its own. A batch of one needs none: it
  /// is rolled back whole.
  result<written> apply_alone(const prepared_write& write, bool journaled) {
    if (is_alone())
      return apply(write, journaled);
    auto point = savepoint::begin(db_);
    if (!point)
      return point.error();
    auto value = apply(write, journaled);
    if (!db_.in_transaction())
      return value;
    auto ended = value ? point->release() : point->roll_back();
    if (!ended)
      lost_ = ended.error();
    return value;
  }

  result<written> apply(const prepared_write& write, bool journaled) {
    auto value = run_body(db_, write);
    if (!value)
      return value.error();
    if (!db_.in_transaction())
      return make_error(
        error_code::internal, "the method ended the transaction");
    if (db_.has_unresolved_foreign_keys())
      return make_error(error_code::conflict, "FOREIGN KEY constraint failed");
    if (journaled) {
      auto recorded = log_.record(db_, write, *value);
      if (!recorded)
        return recorded.error();
      if (!first_recorded_)
        first_recorded_ = *recorded;
    }
    return written{std::move(*value), false};
  }

  /// Keeps a result, and sees whether SQLite rolled everything back with it.
  void add(result<written> value) {
    if (!db_.in_transaction() && !lost_) {
      culprit_ = outcome_.results.size();
      lost_ = value.error();
    }
    kept_.push_back(std::exchange(is_kept_, false));
    outcome_.results.push_back(std::move(value));
  }

  batch_result refuse(const write_error& error, status outcome) {
    outcome_.results.assign(batch_.size(), error);
    return finish(outcome);
  }

  result<void> check_epoch() {
    if (!epoch_)
      return {};
    auto present = read_epoch(db_);
    if (!present)
      return present.error();
    if (*present == *epoch_)
      return {};
    return make_error(
      error_code::unavailable, "epoch " + std::to_string(*epoch_)
                                 + " is over: the database is in epoch "
                                 + std::to_string(*present));
  }

  static bool is_late(const batch_entry& entry) {
    return entry.deadline && clock::now() > *entry.deadline;
  }

  static write_error late_error() {
    return make_error(
      error_code::timeout, "the deadline had passed before it could be begun");
  }

  /// Takes back every result that went with the transaction. Writes that had
  /// failed by themselves keep their own error.
  batch_result lose(const write_error& error, status outcome = status::failed) {
    auto& results = outcome_.results;
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i] && !kept_[i])
        results[i] = error;
    results.resize(batch_.size(), error);
    return finish(outcome);
  }

  batch_result finish(status outcome) {
    outcome_.outcome = outcome;
    outcome_.occupied.resize(batch_.size());
    auto now = clock::now();
    for (std::size_t i = 0; i < batch_.size(); ++i)
      if (auto& value = outcome_.results[i]; value) {
        value->done_at = now;
      } else {
        auto error = value.error();
        error.method = batch_[i].write->method;
        value = std::move(error);
      }
    return std::move(outcome_);
  }

  enum class progress { begun, committing, committed };

  connection& db_;
  journal& log_;
  std::span<const batch_entry> batch_;
  std::optional<std::int64_t> epoch_;
  const std::function<void()>& on_busy_;
  progress reached_ = progress::begun;
  batch_result outcome_;
  std::vector<bool> kept_; // results that stand even if this is lost
  bool is_kept_ = false;   // of the write that is being run
  std::optional<write_error> lost_;
  std::optional<std::size_t> culprit_;
  std::optional<std::int64_t> first_recorded_;
};

/// For a batch that one write took down with it: the others again, each in a
/// transaction of its own.
batch_result run_singly(
  connection& db, journal& log, std::span<const batch_entry> batch,
  lock_deadline deadline, std::optional<std::int64_t> epoch,
  const std::function<void()>& on_busy, std::size_t culprit,
  batch_result first) {
  first.outcome = status::committed;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (i == culprit)
      continue;
    auto alone =
      batch_run{db, log, batch.subspan(i, 1), epoch, on_busy}.run(deadline);
    first.results[i] = std::move(alone.results.front());
    first.occupied[i] += alone.occupied.front();
    first.commit_took += alone.commit_took;
    first.wal_pages = std::max(first.wal_pages, alone.wal_pages);
    if (alone.thrown) {
      first.thrown = std::move(alone.thrown);
      break;
    }
  }
  return first;
}

} // namespace

batch_result run_batch(
  connection& db, journal& log, std::span<const batch_entry> batch,
  lock_deadline deadline, std::optional<std::int64_t> epoch,
  const std::function<void()>& on_busy) {
  batch_run run{db, log, batch, epoch, on_busy};
  auto outcome = run.run(deadline);
  auto culprit = run.culprit();
  if (!culprit || batch.size() == 1)
    return outcome;
  return run_singly(
    db, log, batch, deadline, epoch, on_busy, *culprit, std::move(outcome));
}

} // namespace dbproxy
