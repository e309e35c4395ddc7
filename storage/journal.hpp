// The journal: which writes have been committed, and what they returned, so
// that a write that is sent again takes effect once.
#pragma once

#include "messages/boxed.hpp"
#include "messages/errors.hpp"
#include "storage/prepared_write.hpp"
#include "storage/sqlite.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dbproxy {

/// What the journal knows of a write.
struct journal_entry {
  std::int64_t entry = 0; ///< grows with each write
  std::string method;
  std::uint64_t fingerprint = 0;
  /// JSON; long texts that the parameters hold as well are left out.
  std::string result;
};

/// The journal of the database that a connection is open on. Its statements
/// belong into the transaction of the writes that they are about. The thread
/// of the connection.
class journal {
public:
  using clock = std::chrono::system_clock;

  /// `now` is for tests.
  explicit journal(std::function<clock::time_point()> now = &clock::now);

  /// What is known of a request id; nothing if it is new or forgotten.
  result<std::optional<journal_entry>>
  find(connection& db, std::string_view request_id) const;

  /// Remembers a write and what it returned, and tells its entry number.
  /// CONFLICT where the request id is there already; INTERNAL where the
  /// result is longer than limits::message_bytes_max. `write` has a request
  /// id.
  result<std::int64_t>
  record(connection& db, const prepared_write& write, const boxed& value);

  /// What the first sending returned. CONFLICT where `entry` is of another
  /// write than `write`.
  result<boxed>
  replay(const journal_entry& entry, const prepared_write& write) const;

  /// Forgets writes that will not be sent again. Generated ids have the form
  /// RUN-NUMBER, 16 and 12 lower-case hexadecimal digits: of these all of the
  /// same run up to that number go. An id of another form goes alone.
  result<void> settle(connection& db, std::vector<std::string_view> ids);

  /// Forgets, from the oldest on, entries that are older than
  /// limits::journal_window or more than limits::journal_entries_max behind
  /// the newest; limits::journal_prune_rows_max at a time. An entry that is
  /// neither keeps all that are younger, whatever the clock said then.
  result<void> prune(connection& db);

  /// `prune`, where the last time was a while or many entries ago.
  result<void> prune_if_due(connection& db);

  /// The entries there are. Reads one index, for `status`.
  result<std::int64_t> entries(connection& db) const;

private:
  std::int64_t now_ms() const;
  result<std::optional<std::int64_t>> last_prunable(connection& db) const;

  std::function<clock::time_point()> now_;
  clock::time_point next_prune_{};
  int recorded_ = 0; ///< since the last pruning
};

} // namespace dbproxy
