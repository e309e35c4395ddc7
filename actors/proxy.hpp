// The proxy: what callers hold. It knows every method, gives each write its
// request id and deadline, and sends it the way that the role demands.
#pragma once

#include "actors/dispatch.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/reader.hpp"
#include "actors/secondary_route.hpp"
#include "transport/contention_hint.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace dbproxy {

/// The timeouts of an instance, each within (0, limits::timeout_max].
struct write_timeouts {
  std::chrono::milliseconds standard = limits::default_timeout;
  std::chrono::milliseconds extended = limits::long_timeout;
};

/// What the proxy works with. With a coordinator, writes go to it; without
/// one, they take the secondary's route through writer and forwarder.
struct proxy_parts {
  std::string instance_id;
  write_timeouts timeouts;
  std::shared_ptr<dispatch> registry;
  std::shared_ptr<metrics> figures;
  std::shared_ptr<read_pool> readers;
  std::shared_ptr<contention_hint> hint;
  writer_actor writer;
  coordinator_actor coordinator;
  forwarder_actor forwarder;
};

class proxy_state {
public:
  static inline const char* name = "proxy";

  using pointer = proxy_actor::stateful_pointer<proxy_state>;
  using done = std::function<void(result<call_result>)>;

  void start(pointer self, proxy_parts parts);
  void call(
    const method_ptr& entry, boxed params, const call_options& options,
    done finished);
  void call_by_name(const named_call& command, done finished);
  caf::result<void> probe();
  void note_primary(const primary_changed& news);
  void abandon(const write_error& error);

  /// The entry of a method of the catalogue.
  method_ptr entry_of(std::string_view name) const;

private:
  /// A generated request id and its place in the sequence of this run.
  struct numbered_ids {
    write_ids ids;
    std::optional<std::uint64_t> sequence;
  };

  result<time_point>
  deadline_for(timeout_class which, const call_options& options) const;
  numbered_ids next_ids(const call_options& options);
  std::string id_of(std::uint64_t sequence) const;
  void read(
    const method_ptr& entry, boxed params, const call_options& options,
    done finished);
  void write(
    write_ptr prepared, time_point deadline,
    std::optional<std::uint64_t> sequence, done finished);
  route_ports make_ports();

  pointer self_ = nullptr;
  proxy_parts parts_;
  std::unique_ptr<secondary_route> route_;
  bool primary_known_ = false;
  std::string run_id_;
  std::uint64_t next_sequence_ = 1;
  std::set<std::uint64_t> open_sequences_;
};

proxy_actor::behavior_type proxy(proxy_state::pointer self, proxy_parts parts);

} // namespace dbproxy
