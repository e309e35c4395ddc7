#include "actors/publisher.hpp"

#include "messages/timestamp.hpp"

#include <utility>

namespace dbproxy {

void publisher_state::publish(
  std::string_view topic, boost::json::value payload) {
  event_envelope envelope{options.instance_id, std::string{topic},
                          rfc3339_now(),       options.epoch,
                          ++*options.sequence, std::move(payload)};
  auto text = encode_text(envelope);
  loop->publish(std::move(envelope.topic), std::move(text));
}

announcement announcement_of(const prepared_write& write) {
  return {
    write.topic,
    {write.method, write.request_id, write.source_instance_id, write.key}};
}

publisher_actor::behavior_type publisher(
  publisher_actor::stateful_pointer<publisher_state> self,
  std::shared_ptr<zmq_loop> loop, publisher_options options) {
  self->state.loop = std::move(loop);
  self->state.options = std::move(options);
  self->delayed_send(
    self, self->state.options.heartbeat_interval, caf::tick_atom::value);
  return {
    [self](const announcements& news) {
      if (!self->state.loop->has_change_subscribers()) {
        // They count all the same: whoever comes later sees no gap before.
        *self->state.options.sequence +=
          static_cast<std::int64_t>(news.changes.size());
        return;
      }
      for (const auto& item : news.changes)
        self->state.publish(item.topic, encode(item.payload));
    },
    [self](const instance_event& event) -> caf::result<void> {
      self->state.publish(event.topic, event.payload);
      return caf::unit;
    },
    [self](caf::tick_atom) {
      self->state.publish(topics::heartbeat, boost::json::object{});
      self->delayed_send(
        self, self->state.options.heartbeat_interval, caf::tick_atom::value);
    },
  };
}

} // namespace dbproxy
