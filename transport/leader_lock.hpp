// The lock that makes an instance the primary, and the record in the locked
// file that tells everybody else where the primary is.
#pragma once

#include "messages/described.hpp"
#include "messages/errors.hpp"
#include "transport/instance_directory.hpp"
#include "transport/posix.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace dbproxy {

/// What the lock file says while it is held.
struct primary_record {
  std::string instance_id;
  std::int64_t pid = 0;
  std::int64_t epoch = 0;
  std::string rpc_addr;
  std::string pub_addr;
  std::string started_at; ///< RFC 3339
  std::string version;

  bool operator==(const primary_record&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  primary_record, (),
  (instance_id, pid, epoch, rpc_addr, pub_addr, started_at, version))

/// The exclusive kernel lock on the lock file (an open file description lock:
/// it also excludes other holders in this process, and goes when the process
/// goes). The file is never unlinked.
///
/// A child that is forked without exec does not keep the lock alive: its copy
/// of the descriptor is closed in the fork, and its copy of this object does
/// nothing. Can only be moved; not for use by two threads at once.
class leader_lock {
public:
  /// Takes the lock if nobody has it, without waiting: nullopt means that
  /// somebody holds it. The record of a predecessor that was killed is wiped.
  /// INTERNAL where the file cannot be opened or locked.
  static result<std::optional<leader_lock>>
  try_acquire(const instance_directory& directory);

  leader_lock(leader_lock&& other) noexcept;
  leader_lock& operator=(leader_lock&& other) noexcept;
  ~leader_lock() { release(); }

  /// Writes the record, in place of an earlier one. A reader sees all of it or
  /// none. INTERNAL where it cannot be written; then there is none.
  result<void> publish(const primary_record& record);

  /// Wipes the record, then unlocks. Does nothing the second time.
  void release() noexcept;

  /// False after `release()`, for one that was moved from, and in a child that
  /// was forked.
  bool held() const noexcept;

private:
  leader_lock(unique_fd file, std::string path);

  unique_fd file_;
  std::string path_;
  pid_t owner_ = -1;
};

/// True while somebody, in this process or another, holds the lock. Takes
/// nothing. Any thread. INTERNAL where the file cannot be examined.
result<bool> is_held(const instance_directory& directory);

/// The primary's record: only while the lock is held, and only if it is
/// complete. Nothing means that the address of the primary is not known (yet),
/// never that there is no primary. A primary that was killed a moment ago may
/// still be named. Any thread. INTERNAL where the file cannot be examined.
result<std::optional<primary_record>>
find_primary(const instance_directory& directory);

} // namespace dbproxy
