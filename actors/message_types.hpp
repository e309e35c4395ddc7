// What the actors of one process say to each other besides the catalogue.
// None of it leaves the process, so none of it needs a wire form.
#pragma once

#include "actors/checkpoint_schedule.hpp"
#include "actors/commit_queue.hpp"
#include "messages/catalogue.hpp"
#include "messages/errors.hpp"
#include "messages/events.hpp"
#include "messages/write.hpp"
#include "storage/integrity.hpp"
#include "storage/methods.hpp"
#include "storage/prepared_write.hpp"
#include "storage/transaction.hpp"
#include "transport/json_rpc.hpp"
#include "transport/leader_lock.hpp"
#include "transport/zmq_loop.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

using time_point = std::chrono::steady_clock::time_point;

/// To the writer: run these as one transaction. Without `lock_deadline` the
/// write lock is tried once; with one it is waited for.
struct write_batch {
  std::vector<batch_entry> entries;
  std::optional<time_point> lock_deadline;
  /// Nothing is done unless the database is in it, if there is one.
  std::optional<std::int64_t> epoch = {};
};

/// To the writer: commit what is queued by then, in the primary's epoch.
struct commit_command {
  std::shared_ptr<commit_queue> queue;
  std::optional<std::int64_t> epoch;
};

/// To the writer: copy the WAL into the database, waiting for the write lock
/// at most this long.
struct checkpoint_command {
  std::chrono::milliseconds lock_wait{};
  bool last = false; ///< the instance stops: leave a single file if possible
};

/// To a reader: what the files look like.
struct storage_query {};

/// To a reader: run this read.
struct read_command {
  method_ptr entry;
  boxed params;
};

/// To the coordinator: put this write in order, commit it, answer before the
/// deadline.
struct submission {
  write_ptr write;
  time_point deadline;
};

/// To the coordinator, by itself: everything that came together is queued.
struct pump_command {
  bool timed = false; ///< it was asked for a while ago
};

/// To the coordinator: others have committed, and the WAL has this length.
struct wal_report {
  std::int64_t pages = 0;
  /// Who did, where it was this instance itself.
  std::string source = {};
};

/// To the coordinator: admit no more, answer when all is done.
struct drain_command {};

/// To the coordinator and the proxy: the figures for `status`.
struct figures_query {};

struct coordinator_figures {
  std::int64_t queued = 0;
  std::int64_t executing = 0;
  std::int64_t batches = 0;
  std::int64_t writes = 0;
  std::int64_t replayed = 0;
  bool checkpoint_blocked = false; ///< readers need what is in the WAL
};

/// To the forwarder: have the primary run this write.
struct forward_command {
  write_ptr write;
  time_point deadline;
};

/// Who is primary now, if anybody.
struct primary_changed {
  std::optional<primary_record> primary;
  /// It holds the lock, but has not been heard of for limits::silence_max.
  bool silent = false;
};

/// To the elector: what was heard of the primary.
struct primary_sign {
  enum class kind {
    event, ///< it announced something
    ended, ///< its process has
    none,  ///< nothing yet: the elector's own reminder
  };
  kind what = kind::event;
  std::string topic; ///< of an event
};

/// To the supervisor: start what the instance needs, in the role that it gets.
struct start_command {};

/// To the supervisor: give up the role and end everything.
struct stop_command {};

/// To the supervisor: nobody seems to hold the lock.
struct claim_command {};

/// To the supervisor: this epoch is over.
struct step_down_command {
  std::int64_t epoch = 0;
};

/// To the forwarder: texts from the primary.
struct replies_received {
  std::vector<std::string> texts;
};

/// To the forwarder: what this instance committed directly.
struct committed_directly {
  committed_notice notice;
};

/// To the gateway: texts from its peers.
struct requests_received {
  std::vector<peer_message> messages;
};

/// To the request parser: what does this text ask for?
struct parse_command {
  std::shared_ptr<const std::string> text;
};

/// For one receiver, which takes it apart.
using rpc_message_ptr = std::shared_ptr<rpc_message>;

/// To the publisher: changes, to be announced in this order.
struct announcements {
  std::vector<announcement> changes;
};

/// To the publisher: something about this instance.
struct instance_event {
  std::string topic;
  boost::json::value payload;
};

/// To the proxy: call any method, its parameters boxed by the method's codec.
struct method_call {
  method_ptr entry;
  boxed params;
  call_options options;
};

/// To the proxy: call any method by its name, its parameters as JSON. Reaches
/// the dispatcher's methods too.
struct named_call {
  method_kind kind = method_kind::write;
  std::string method;
  boost::json::value params;
  call_options options;
};

/// What comes back: the value, how to write it, and the way it took.
struct call_result {
  boxed value;
  const value_codec* codec = nullptr;
  write_route route = write_route::local;
  /// Of a write: the id that it was journalled under, or would have been.
  std::optional<std::string> request_id;
};

/// To the remembrances dispatcher: check this write and lay it out, so that
/// the writer only has to execute it.
struct dispatch_command {
  std::string method;
  boost::json::value params;
};

/// To the proxy: is the primary there?
struct probe_command {};

/// To a host's RPC method.
struct host_call {
  std::string method;
  boost::json::value params;
};

struct host_value {
  boost::json::value value;
};

/// A described struct, or a list or an optional of one, is a message.
template <class T>
concept described_message =
  described<T> ||((nullable<T> || list<T>)&&described<typename T::value_type>);

} // namespace dbproxy

namespace caf {

template <dbproxy::described_message T>
struct allowed_unsafe_message_type<T> : std::true_type {};

} // namespace caf

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::optional<double>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::write_error)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::write_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::commit_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::batch_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::checkpoint_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::checkpoint_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::storage_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::read_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::boxed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::submission)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::pump_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::wal_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::drain_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::figures_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::coordinator_figures)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::forward_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::primary_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::primary_sign)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::start_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::stop_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::claim_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::step_down_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::replies_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::committed_directly)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::requests_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::parse_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::rpc_message_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::announcements)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::instance_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::method_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::named_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::call_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::dispatch_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::write_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::probe_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::host_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dbproxy::host_value)
