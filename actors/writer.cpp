#include "actors/writer.hpp"

#include "actors/last_words.hpp"
#include "actors/log.hpp"

#include <utility>

namespace dbproxy {

batch_result writer_state::run(const write_batch& batch) {
  auto outcome = run_batch(
    opened->database, opened->entries, batch.entries, batch.lock_deadline,
    batch.epoch);
  if (
    outcome.outcome == batch_result::status::lock_not_had
    || outcome.outcome == batch_result::status::fenced)
    return outcome;
  for (std::size_t i = 0; i < batch.entries.size(); ++i)
    figures->record_occupied(
      batch.entries[i].write->method, outcome.occupied[i]);
  figures->record_commit(outcome.commit_took);
  return outcome;
}

void writer_state::checkpoint(const checkpoint_command& command) {
  auto deadline = std::chrono::steady_clock::now() + command.lock_wait;
  auto& tool = opened->checkpoints;
  auto outcome = command.last ? tool.finish(opened->database, deadline)
                              : tool.run(opened->database, deadline);
  if (!outcome && outcome.error().code != error_code::busy)
    log().warn("checkpoint: {}", to_string(outcome.error()));
}

writer_actor::behavior_type writer(
  writer_actor::stateful_pointer<writer_state> self, open_options options,
  std::shared_ptr<metrics> figures) {
  auto database = open_database(options).value();
  auto checkpoints = checkpointer::open(options).value();
  self->state.figures = std::move(figures);
  set_last_words(self, "writer", [](const write_error&) {});
  self->state.opened.emplace(writer_state::tools{
    std::move(checkpoints), std::move(database), journal{}});
  return {
    [self](const write_batch& batch) { return self->state.run(batch); },
    [self](const checkpoint_command& command) -> caf::result<void> {
      self->state.checkpoint(command);
      return caf::unit;
    },
  };
}

} // namespace dbproxy
