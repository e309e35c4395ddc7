// A connection to a PostgreSQL server, by libpq.
#pragma once

#include "messages/errors.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct pg_conn;

namespace dbproxy {

/// Movable; one thread at a time. Errors are CONFLICT where a constraint
/// failed, UNREACHABLE where there is no connection (any more), else INTERNAL.
class postgresql_connection {
public:
  /// A string of libpq's: `host=/tmp dbname=postgres`, or a URI.
  static result<postgresql_connection> open(const std::string& conninfo);

  /// Runs one or more statements without parameters. Calls `look` with the
  /// first column of each row of the last.
  result<void> execute(
    const std::string& sql,
    const std::function<void(std::string_view)>& look = {});

  /// Names one statement, with $1, $2, ... for its parameters.
  result<void> prepare(const std::string& name, const std::string& sql);

  /// Runs it as a transaction of its own; a null parameter is NULL. Where the
  /// connection is lost meanwhile the outcome is unknown.
  result<void>
  run(const std::string& name, std::span<const char* const> parameters);

  /// Of the server, "15.4".
  std::string server_version() const;

  /// The process of the server that serves this connection.
  int server_pid() const;

private:
  struct closer {
    void operator()(pg_conn* handle) const noexcept;
  };

  explicit postgresql_connection(pg_conn* handle) : handle_(handle) {}

  std::unique_ptr<pg_conn, closer> handle_;
};

} // namespace dbproxy
