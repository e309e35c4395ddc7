#include "actors/writer.hpp"

#include "actors/log.hpp"

#include <utility>

namespace dbproxy {

batch_result writer_state::run(const write_batch& batch) {
  return run_batch(
    opened->database, opened->entries, batch.entries, batch.lock_deadline);
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
  writer_actor::stateful_pointer<writer_state> self, open_options options) {
  auto database = open_database(options).value();
  auto checkpoints = checkpointer::open(options).value();
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
