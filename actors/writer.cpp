#include "actors/writer.hpp"

#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "transport/event_source.hpp"

#include <exception>
#include <utility>

namespace dbproxy {

batch_result writer_state::run(
  const std::vector<batch_entry>& entries, std::optional<time_point> lock_until,
  std::optional<std::int64_t> epoch) {
  auto begun = std::chrono::steady_clock::now();
  auto outcome = run_batch(
    opened->database, opened->entries, entries, lock_until, epoch,
    signals.on_busy);
  auto took = std::chrono::steady_clock::now() - begun;
  if (
    outcome.outcome == batch_result::status::lock_not_had
    || outcome.outcome == batch_result::status::fenced)
    return outcome;
  for (std::size_t i = 0; i < entries.size(); ++i)
    figures->record_occupied(entries[i].write->method, outcome.occupied[i]);
  figures->record_stage(write_stage::locking, outcome.lock_took);
  figures->record_stage(
    write_stage::executing, took - outcome.lock_took - outcome.commit_took);
  figures->record_stage(write_stage::committing, outcome.commit_took);
  return outcome;
}

batch_result writer_state::commit(const commit_command& command) {
  auto batch = command.queue->take();
  if (batch.entries.empty())
    return {};
  auto outcome = run(batch.entries, batch.deadline, command.epoch);
  // The coordinator asks the journal.
  if (outcome.thrown)
    std::rethrow_exception(outcome.thrown);
  if (outcome.outcome == batch_result::status::lock_not_had)
    command.queue->put_back();
  return outcome;
}

checkpoint_report writer_state::checkpoint(const checkpoint_command& command) {
  auto deadline = std::chrono::steady_clock::now() + command.lock_wait;
  auto& tool = opened->checkpoints;
  auto outcome = command.last ? tool.finish(opened->database, deadline)
                              : tool.run(opened->database, deadline);
  if (!outcome && outcome.error().code != error_code::busy)
    log().warn("checkpoint: {}", to_string(outcome.error()));
  return {outcome.has_value(), outcome && outcome->is_complete()};
}

namespace {

using writer_pointer = writer_actor::stateful_pointer<writer_state>;

/// Answers with what `work` returns, and then stays awake for a moment where
/// the next one is likely to come at once; or fails with what was thrown when
/// the batch was run. The promise is made when there is something to promise:
/// one that exists keeps CAF from telling whoever asked that `work` threw.
template <class Work>
caf::result<batch_result> answer(writer_pointer self, Work work) {
  auto outcome = work();
  auto thrown = outcome.thrown;
  auto promise = self->make_response_promise<batch_result>();
  promise.deliver(std::move(outcome));
  if (thrown)
    std::rethrow_exception(thrown);
  const auto& is_lone = self->state.signals.is_lone;
  if (is_lone())
    stay_awake([self] { return !self->mailbox().empty(); }, is_lone);
  return promise;
}

} // namespace

writer_actor::behavior_type writer(
  writer_actor::stateful_pointer<writer_state> self, open_options options,
  std::shared_ptr<metrics> figures, writer_signals signals) {
  auto database = open_database(options).value();
  auto checkpoints = checkpointer::open(options).value();
  self->state.figures = std::move(figures);
  self->state.signals = std::move(signals);
  set_last_words(self, "writer", [](const write_error&) {});
  self->state.opened.emplace(writer_state::tools{
    std::move(checkpoints), std::move(database), journal{}});
  return {
    [self](const write_batch& batch) {
      return answer(self, [&] {
        return self->state.run(batch.entries, batch.lock_deadline, batch.epoch);
      });
    },
    [self](const commit_command& command) {
      return answer(self, [&] { return self->state.commit(command); });
    },
    [self](const checkpoint_command& command) {
      return self->state.checkpoint(command);
    },
  };
}

} // namespace dbproxy
