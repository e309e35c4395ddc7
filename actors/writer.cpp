#include "actors/writer.hpp"

#include "actors/errors.hpp"
#include "actors/log.hpp"


#include <utility>

namespace dbproxy {

batch_result writer_state::run(const write_batch& batch) {
  return run_batch(
    opened->database, opened->entries, batch.entries, batch.lock_deadline);
}

void writer_state::checkpoint(const checkpoint_command& command) {
  auto deadline = std::chrono::steady_clock::now() + command.lock_wait;
  auto outcome = opened->checkpoints.run(opened->database, deadline);
  if (!outcome && outcome.error().code != error_code::busy)
    log().warn("checkpoint: {}", to_string(outcome.error()));
}

caf::result<storage_status> writer_state::status() {
  auto found = read_status(opened->database);
  if (!found)
    return to_caf(found.error());
  return *found;
}

writer_actor::behavior_type writer(
  writer_actor::stateful_pointer<writer_state> self, open_options options) {
  auto database = open_database(options).value();
  auto checkpoints = checkpointer::open(options).value();
  self->state.options = std::move(options);
  self->state.opened.emplace(writer_state::tools{
    std::move(database), journal{}, std::move(checkpoints)});
  return {
    [self](const write_batch& batch) { return self->state.run(batch); },
    [self](const checkpoint_command& command) {
      self->state.checkpoint(command);
    },
    [self](const storage_query&) { return self->state.status(); },
  };
}

} // namespace dbproxy
