// The proxy: what callers hold. It knows every method, gives each write its
// request id and deadline, and sends it the way that the role demands.
#pragma once

#include "actors/dispatch.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/open_batches.hpp"
#include "actors/reader.hpp"
#include "actors/roster.hpp"
#include "actors/sequencer.hpp"
#include "actors/write_path.hpp"
#include "transport/contention_hint.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace dbproxy {

/// The timeouts of an instance, each within (0, limits::timeout_max].
struct write_timeouts {
  std::chrono::milliseconds standard = limits::default_timeout;
  std::chrono::milliseconds extended = limits::long_timeout;
};

/// Which way the writes of a secondary take.
enum class write_routing {
  automatic, ///< directly while nobody contends, else through the primary
  forwarded, ///< through the primary, as long as one is known
};

/// What the proxy works with.
struct proxy_parts {
  std::string instance_id;
  write_timeouts timeouts;
  std::shared_ptr<dispatch> registry;
  std::shared_ptr<metrics> figures;
  std::shared_ptr<read_pool> readers;
  std::shared_ptr<contention_hint> hint;
  /// Has the coordinator while the instance is primary, the forwarder while
  /// it is not, and the writer.
  roster_ptr colleagues;
  write_routing routing = write_routing::automatic;
  /// What it asks the writer for.
  open_batches at_writer = {};
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
  void call_by_name(named_call& command, done finished);
  caf::result<void> probe();
  void note_primary(const primary_changed& news);
  void tick();
  void abandon(const write_error& error);

  /// The entry of a method of the catalogue.
  method_ptr entry_of(std::string_view name) const;

private:
  /// A call that is not answered, and what is known of it if it never is.
  struct open_call {
    done finished;
    write_outcome outcome = write_outcome::not_applied;
  };
  using call_id = std::uint64_t;

  /// Where a write with a generated request id is in the sequence of this run.
  struct place {
    std::uint64_t sequence = 0;
    std::uint64_t settles = 0; ///< it tells that these are settled, up to here
  };

  /// Without a place where the caller chose the id.
  struct numbered_ids {
    write_ids ids;
    std::optional<place> where;
  };

  result<time_point>
  deadline_for(timeout_class which, const call_options& options) const;
  numbered_ids next_ids(const call_options& options);
  std::string id_of(std::uint64_t sequence) const;
  void read(
    call_id which, const method_ptr& entry, boxed params,
    const call_options& options);
  void write_prepared(
    call_id which, const write_ptr& prepared, const std::optional<place>& where,
    const call_options& options);
  void refuse(
    call_id which, write_error error, const std::string& method,
    const std::optional<place>& where);
  void settle(
    const place& where, time_point deadline, const result<written>& outcome,
    settled_from when);
  void forget_settled();
  call_id open(done finished);
  void close(call_id which, result<call_result> outcome);
  write_ports make_ports();
  void submit(submission command, std::function<void(result<written>)> then);
  void
  execute(write_batch batch, std::function<void(result<batch_result>)> then);
  void
  forward(forward_command command, std::function<void(result<written>)> then);
  void announce(committed_notice notice);

  pointer self_ = nullptr;
  proxy_parts parts_;
  std::unique_ptr<write_path> path_;
  std::vector<std::function<void()>> later_; // until the next tick
  bool primary_known_ = false;
  std::optional<std::int64_t> epoch_; ///< in which this instance is primary
  std::int64_t told_wal_pages_ = 0;   ///< to the coordinator
  std::string run_id_;
  std::uint64_t next_sequence_ = 1;
  std::set<std::uint64_t> open_sequences_;
  std::uint64_t journaled_ = 0;    ///< the last one that has an entry
  std::uint64_t told_settled_ = 0; ///< entries up to here are gone
  /// Answered ones that stay open until the time.
  std::multimap<time_point, std::uint64_t> settling_;
  sequencer order_; // of the writes, however long each takes to prepare
  std::unordered_map<call_id, open_call> open_calls_;
  call_id next_call_ = 0;
};

proxy_actor::behavior_type proxy(proxy_state::pointer self, proxy_parts parts);

} // namespace dbproxy
