// A SQLite VFS above the system's that fails when it is told to, and that can
// lose, as a power cut does, everything that was not synced.
#pragma once

#include <cstdint>
#include <string>

namespace dbproxy::storage_test {

/// While it lives it is the VFS that new connections get. Files written
/// through it are real. One at a time; one thread.
class fault_vfs {
public:
  fault_vfs();
  ~fault_vfs();

  fault_vfs(const fault_vfs&) = delete;
  fault_vfs& operator=(const fault_vfs&) = delete;

  /// The write to a file after `more` more fails with `code`, and so do all
  /// that come later; nothing reaches the files then.
  void fail_writes(int code, int more = 0);

  /// The same for syncs.
  void fail_syncs(int code, int more = 0);

  /// Everything works again.
  void mend();

  /// Writes that were made so far.
  int writes() const;

  /// The power goes while no connection is open any more: of what was written
  /// to each file after its last sync, a part that `seed` decides is kept, in
  /// any order and with writes cut short at a sector of 512 bytes, and the
  /// rest is lost. Shared memory goes too.
  void cut_power(std::uint64_t seed);

  struct state;

private:
  state* state_;
};

} // namespace dbproxy::storage_test
