#include "actors/writer.hpp"

#include "actors/last_words.hpp"
#include "actors/log.hpp"

#include <utility>

namespace dbproxy {

batch_result writer_state::run(const write_batch& batch) {
  auto begun = std::chrono::steady_clock::now();
  auto outcome = run_batch(
    opened->database, opened->entries, batch.entries, batch.lock_deadline,
    batch.epoch, on_busy);
  auto took = std::chrono::steady_clock::now() - begun;
  if (
    outcome.outcome == batch_result::status::lock_not_had
    || outcome.outcome == batch_result::status::fenced)
    return outcome;
  for (std::size_t i = 0; i < batch.entries.size(); ++i)
    figures->record_occupied(
      batch.entries[i].write->method, outcome.occupied[i]);
  figures->record_stage(write_stage::locking, outcome.lock_took);
  figures->record_stage(
    write_stage::executing, took - outcome.lock_took - outcome.commit_took);
  figures->record_stage(write_stage::committing, outcome.commit_took);
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

writer_actor::behavior_type writer(
  writer_actor::stateful_pointer<writer_state> self, open_options options,
  std::shared_ptr<metrics> figures, std::function<void()> on_busy) {
  auto database = open_database(options).value();
  auto checkpoints = checkpointer::open(options).value();
  self->state.figures = std::move(figures);
  self->state.on_busy = std::move(on_busy);
  set_last_words(self, "writer", [](const write_error&) {});
  self->state.opened.emplace(writer_state::tools{
    std::move(checkpoints), std::move(database), journal{}});
  return {
    [self](const write_batch& batch) { return self->state.run(batch); },
    [self](const checkpoint_command& command) {
      return self->state.checkpoint(command);
    },
  };
}

} // namespace dbproxy
