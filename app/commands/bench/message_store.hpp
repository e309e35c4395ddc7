// A fresh place for the messages of one round of the bench.
#pragma once

#include "app/commands/bench/protocol.hpp"
#include "messages/errors.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dbproxy {

/// Has the schema and a session for each process; is removed at its end.
/// One thread.
class message_store {
public:
  virtual ~message_store() = default;

  /// Says in an order where the messages are to be written.
  virtual void tell(bench_order& order) const = 0;

  /// What keeps them, "SQLite 3.40.1".
  virtual std::string engine() const = 0;

  /// The file that grows until a checkpoint, where there is one to look at.
  virtual std::optional<std::filesystem::path> wal() const = 0;

  /// Calls `look` with the id of each message that is there.
  virtual result<void>
  for_each_id(const std::function<void(std::string_view)>& look) = 0;
};

/// A SQLite database in a new folder in `parent`.
result<std::unique_ptr<message_store>>
make_sqlite_store(const std::filesystem::path& parent, std::int64_t processes);

/// A schema of its own on a PostgreSQL server.
result<std::unique_ptr<message_store>>
make_postgresql_store(const std::string& conninfo, std::int64_t processes);

} // namespace dbproxy
