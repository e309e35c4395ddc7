// Every typed actor interface, and nothing else.
#pragma once

#include "actors/message_types.hpp"

#include <caf/all.hpp>

namespace dbproxy {

namespace detail {

template <class M>
struct call_signature_of {
  using type = typename caf::replies_to<M>::template with<typename M::returns>;
};

template <class M>
using call_signature = typename call_signature_of<M>::type;

} // namespace detail

/// Owns the one read-write connection. Detached.
using writer_actor = caf::typed_actor<
  // Runs a batch as one transaction; the reply comes after its COMMIT.
  caf::replies_to<write_batch>::with<batch_result>,
  // Takes what is queued and runs it as one transaction; no results where
  // there was nothing. What found no lock is queued again.
  caf::replies_to<commit_command>::with<batch_result>,
  // Copies the WAL into the database while nobody can commit; replies when
  // it is done, or was given up.
  caf::replies_to<checkpoint_command>::with<checkpoint_report>>;

/// Owns a read-only connection. Detached.
using reader_actor = caf::typed_actor<
  // Runs one read.
  caf::replies_to<read_command>::with<boxed>,
  // Sizes of the files and of the journal.
  caf::replies_to<storage_query>::with<storage_status>>;

/// The one place where concurrent writes are put in order. On the primary.
using coordinator_actor = caf::typed_actor<
  // Admits a write; the reply comes after the commit that contains it, or at
  // the deadline. BUSY when limits::queued_writes_max are waiting.
  caf::replies_to<submission>::with<written>,
  // Its own: hands what is queued to the writer.
  caf::reacts_to<pump_command>,
  // Others committed directly: the WAL may want a checkpoint.
  caf::reacts_to<wal_report>,
  // Refuses further writes with UNAVAILABLE; replies when none is left.
  caf::replies_to<drain_command>::with<void>,
  // Queue depth and counts.
  caf::replies_to<figures_query>::with<coordinator_figures>,
  // Its own clock.
  caf::reacts_to<caf::tick_atom>>;

/// Announces commits and instance events, in sequence. On the primary.
using publisher_actor = caf::typed_actor<
  // One event each.
  caf::reacts_to<announcements>,
  // One event; replies when it is on its way.
  caf::replies_to<instance_event>::with<void>,
  // Its own clock: the heartbeat.
  caf::reacts_to<caf::tick_atom>>;

/// Sends writes to the primary and matches its replies. On a secondary.
using forwarder_actor = caf::typed_actor<
  // Replies with the primary's answer, with UNREACHABLE at once if there is
  // no primary, or with TIMEOUT at the deadline.
  caf::replies_to<forward_command>::with<written>,
  // Connects to another primary and sends again what is not answered.
  caf::reacts_to<primary_changed>,
  // From the ZeroMQ loop.
  caf::reacts_to<replies_received>,
  // Tells the primary what was committed beside it.
  caf::reacts_to<committed_directly>,
  // Pings the primary; replies when it answers.
  caf::replies_to<probe_command>::with<void>,
  // Its own clock.
  caf::reacts_to<caf::tick_atom>>;

/// Serves JSON-RPC to other processes. On the primary.
using gateway_actor = caf::typed_actor<
  // From the ZeroMQ loop.
  caf::reacts_to<requests_received>>;

/// Takes a text from a peer apart. Beside the gateway, for large ones.
using request_parser_actor = caf::typed_actor<
  // Replies with the calls in the text.
  caf::replies_to<parse_command>::with<rpc_message_ptr>>;

/// Prepares the writes of the knowledge base, the events and the code index,
/// and those that neither the catalogue nor the host knows. A host application
/// may register one of its own.
using remembrances_dispatcher_actor = caf::typed_actor<
  // Replies with a write that only has to be executed; METHOD_NOT_FOUND for a
  // method that it does not know, INVALID_PARAMS that names the field.
  caf::replies_to<dispatch_command>::with<write_ptr>>;

/// A host application's own RPC method.
using rpc_method_actor = caf::typed_actor<
  // Replies with the result of the call.
  caf::replies_to<host_call>::with<host_value>>;

/// Watches who is primary. On a secondary.
using elector_actor = caf::typed_actor<
  // Its own clock: time to look again.
  caf::reacts_to<caf::tick_atom>,
  // From the ZeroMQ loop: the primary is heard, or its process ended.
  caf::reacts_to<primary_sign>>;

/// Starts and ends everything else in an instance, changes its role, and
/// restarts what fails. Detached, because it waits for what it starts.
using supervisor_actor = caf::typed_actor<
  // Replies when the instance runs; the error says why it cannot, and then
  // nothing is left running.
  caf::replies_to<start_command>::with<void>,
  // Replies when everything has ended.
  caf::replies_to<stop_command>::with<void>,
  // From the elector.
  caf::reacts_to<claim_command>,
  // From the coordinator.
  caf::reacts_to<step_down_command>,
  // Its own clock: time to try again.
  caf::reacts_to<caf::tick_atom>>;

/// The calls that are not typed: any method, by entry or by name.
using generic_caller = caf::typed_actor<
  // A method of the catalogue or of the host.
  caf::replies_to<method_call>::with<call_result>,
  // A method by name; the dispatcher's too.
  caf::replies_to<named_call>::with<call_result>,
  // Replies when the primary answers within 2 s; at once on the primary.
  caf::replies_to<probe_command>::with<void>,
  // From the elector, and when the role changed.
  caf::reacts_to<primary_changed>,
  // Its own clock.
  caf::reacts_to<caf::tick_atom>>;

/// The whole Querier: one message per method, replying with its result, and
/// the generic calls. A handle stays valid through every change of role.
using proxy_actor = boost::mp11::mp_apply<
  generic_caller::extend,
  boost::mp11::mp_transform<detail::call_signature, catalogue>>;

} // namespace dbproxy
