#include "actors/reader.hpp"

#include "actors/errors.hpp"
#include "messages/limits.hpp"

#include <string>

namespace dbproxy {

caf::result<boxed> reader_state::run(const read_command& command) {
  auto found = command.entry->run(*database, command.params);
  if (!found) {
    auto error = found.error();
    error.method = command.entry->name;
    return to_caf(std::move(error));
  }
  return std::move(*found);
}

caf::result<storage_status> reader_state::status() {
  auto found = read_status(*database);
  if (!found)
    return to_caf(found.error());
  return std::move(*found);
}

reader_actor::behavior_type reader(
  reader_actor::stateful_pointer<reader_state> self, open_options options) {
  options.access = access::read_only;
  self->state.database.emplace(open_connection(options).value());
  return {
    [self](const read_command& command) { return self->state.run(command); },
    [self](const storage_query&) { return self->state.status(); },
  };
}

result<reader_actor> read_pool::acquire() {
  auto waiting = waiting_.fetch_add(1);
  if (waiting >= limits::queued_reads_max * readers_.size()) {
    release();
    return make_error(
      error_code::busy,
      "queued_reads_max = " + std::to_string(limits::queued_reads_max)
        + " reads are waiting for each reader");
  }
  return get(next_.fetch_add(1) % readers_.size());
}

void read_pool::set(std::size_t place, reader_actor reader) {
  std::lock_guard guard{mutex_};
  readers_[place] = std::move(reader);
}

reader_actor read_pool::get(std::size_t place) const {
  std::lock_guard guard{mutex_};
  return readers_[place];
}

} // namespace dbproxy
