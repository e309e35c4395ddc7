// Every bound of dbproxy, by name. A peer or a file cannot make anything grow
// past these; docs/protocol.md lists what a caller sees at each of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dbproxy::limits {

using namespace std::chrono_literals;

// -- messages ----------------------------------------------------------------

/// One JSON-RPC text, and the parameters of one write.
inline constexpr std::size_t message_bytes_max = 16U << 20U;
/// A ZeroMQ frame past this is refused by closing the connection: it is what
/// bounds the memory of a receiver. Between the two limits a peer gets an
/// error that names message_bytes_max.
inline constexpr std::size_t frame_bytes_max = 64U << 20U;
/// Nested arrays and objects in one JSON text.
inline constexpr std::size_t json_depth_max = 32;
/// A request id, in bytes.
inline constexpr std::size_t request_id_bytes_max = 128;
/// An instance id, in bytes.
inline constexpr std::size_t instance_id_bytes_max = 128;
/// Calls in one JSON-RPC batch.
inline constexpr std::size_t batch_calls_max = 4096;
/// The primary's record in the lock file.
inline constexpr std::size_t record_bytes_max = 64U << 10U;
/// Changes in one `instance.committed` notification.
inline constexpr std::size_t announced_changes_max = 4096;
/// How many changes, and how long, an instance keeps before it tells the
/// primary. The first one after a pause is told at once.
inline constexpr std::size_t notice_changes_max = 64;
inline constexpr std::chrono::milliseconds notice_pause = 5ms;

// -- queues ------------------------------------------------------------------

/// Writes queued on the primary.
inline constexpr std::size_t queued_writes_max = 4096;
/// Requests in flight for one peer of the primary.
inline constexpr std::size_t peer_in_flight_max = 256;
/// Writes waiting in one instance for their way to be free.
inline constexpr std::size_t instance_writes_max = 4096;
/// Reads waiting for one reader.
inline constexpr std::size_t queued_reads_max = 4096;
/// Writes in one transaction.
inline constexpr std::size_t batch_rows_max = 512;
/// Parameter bytes in one transaction; a single larger write goes alone.
inline constexpr std::size_t batch_bytes_max = 4U << 20U;
/// Frames waiting for a subscriber before it loses events (it sees the gap).
inline constexpr int subscriber_frames_max = 10'000;
/// Replies kept for a peer that does not read as fast as it asks, besides the
/// 512 that ZeroMQ keeps. Past either bound a reply is dropped, and counted;
/// one reply, however large, always may wait.
inline constexpr std::size_t peer_backlog_replies_max = 65'536;
inline constexpr std::size_t peer_backlog_bytes_max = frame_bytes_max;
/// Bytes of large texts that the primary has not parsed yet.
inline constexpr std::size_t parsing_bytes_max = 4 * frame_bytes_max;
/// Frames taken from a socket in one round.
inline constexpr std::size_t receive_round_max = 64;
/// Peers that `status` remembers; the one not heard from longest goes first.
inline constexpr std::size_t known_peers_max = 1024;
/// Rows of one search, and of a list that was asked for with a limit.
inline constexpr std::int64_t search_results_max = 1000;
/// Words of a search; what comes after them is not searched for.
inline constexpr std::size_t search_words_max = 64;
/// Numbers in one embedding.
inline constexpr std::size_t embedding_dimensions_max = 16'384;
/// Methods that a host application may register.
inline constexpr std::size_t host_methods_max = 1024;

// -- storage -----------------------------------------------------------------

/// WAL pages after which the primary checkpoints between two batches.
inline constexpr int wal_checkpoint_pages = 1000;
/// The same where every commit is synced: then the WAL is on the disk already,
/// and a checkpoint has only the database left to sync.
inline constexpr int synced_wal_checkpoint_pages = 2 * wal_checkpoint_pages;
/// WAL pages that are worth a checkpoint when the primary has nothing to do.
inline constexpr int wal_idle_checkpoint_pages = 100;
/// WAL pages past which direct writers are kept from the lock, so that the
/// primary gets it for a checkpoint.
inline constexpr int wal_urgent_pages = 4 * wal_checkpoint_pages;
/// What SQLite's Unix VFS takes in one write (os_unix.c, seekAndWriteFd).
inline constexpr std::size_t vfs_write_bytes_max = (128U << 10U) - 1;
/// What a connection keeps of a commit to write it to the WAL together.
inline constexpr std::size_t gathered_wal_bytes_max = vfs_write_bytes_max;
/// What a statement journal keeps in memory before it goes to a file.
inline constexpr std::size_t statement_journal_bytes_max = 1U << 20U;
/// What is left of the WAL file after it was reset.
inline constexpr std::int64_t wal_file_bytes_max = 64LL << 20U;
/// Journal entries kept, whatever their age.
inline constexpr std::int64_t journal_entries_max = 1'000'000;
/// Journal entries removed by one batch for their age.
inline constexpr int journal_prune_rows_max = 512;
/// How long a journal entry outlives its commit.
inline constexpr std::chrono::seconds journal_window = 120s;
/// The pause between two attempts to take SQLite's write lock.
inline constexpr std::chrono::microseconds lock_poll_interval = 500us;
/// Opening a database that others are opening too.
inline constexpr std::chrono::milliseconds open_wait_max = 10s;
/// Prepared statements kept by one connection.
inline constexpr std::size_t cached_statements_max = 256;

// -- time --------------------------------------------------------------------

inline constexpr std::chrono::milliseconds default_timeout = 5s;
inline constexpr std::chrono::milliseconds long_timeout = 30s;
inline constexpr std::chrono::milliseconds timeout_max = 60s;
inline constexpr std::chrono::milliseconds probe_timeout = 2s;
/// A moment of CLOCK_MONOTONIC that a peer may name: a century after the start
/// of the machine.
inline constexpr std::int64_t deadline_ms_max = 3'155'760'000'000;
/// A primary that is not heard for so long is not sent writes.
inline constexpr std::chrono::milliseconds silence_max = 5s;
/// Restarts of failed actors within restart_window before a role is given up.
inline constexpr std::size_t restarts_max = 5;
inline constexpr std::chrono::milliseconds restart_window = 10s;
/// The first pause before a role that was given up, or could not be had, is
/// tried again; it doubles each time.
inline constexpr std::chrono::milliseconds role_pause_min = 100ms;
inline constexpr std::chrono::milliseconds role_pause_max = 30s;
/// The first pause before a write is sent again; it doubles each time.
inline constexpr std::chrono::milliseconds retry_pause_min = 50ms;
inline constexpr std::chrono::milliseconds retry_pause_max = 1s;
/// Attempts that WriteWithRetry makes at least, deadline permitting.
inline constexpr int retry_attempts_min = 3;

} // namespace dbproxy::limits
