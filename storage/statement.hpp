// A prepared statement: binding its parameters, stepping through its rows,
// reading their columns.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

struct sqlite3_stmt;

namespace dbproxy {

/// A prepared statement in use. Goes back to the cache of its connection,
/// reset and with its bindings cleared, at the end of its scope; it must not
/// outlive the connection. The thread of the connection.
///
/// The first failure of a bind is kept and returned by the next `step`.
class statement {
public:
  statement(statement&& other) noexcept;
  statement& operator=(statement&&) = delete;
  ~statement();

  /// Parameters are numbered from 1.
  int parameter_count() const noexcept;
  /// The name without its prefix; empty for a nameless parameter.
  std::string_view parameter_name(int index) const noexcept;

  void bind_null(int index) noexcept;
  void bind_integer(int index, std::int64_t value) noexcept;
  void bind_real(int index, double value) noexcept;
  /// NUL bytes are text like any other. The text must stay as it is until the
  /// statement goes out of scope.
  void bind_text(int index, std::string_view text) noexcept;
  /// As bind_text, of a text that may go at once.
  void bind_text_copy(int index, std::string_view text) noexcept;
  /// The bytes must stay as they are until the statement goes out of scope.
  void bind_blob(int index, std::span<const std::byte> bytes) noexcept;

  /// True: there is a row to read. False: the statement is done, and must not
  /// be stepped again. A failed statement has had no effect.
  result<bool> step();
  /// Steps until the statement is done, whatever rows it returns.
  result<void> finish();

  /// Columns are numbered from 0 and belong to the current row.
  int column_count() const noexcept;
  std::string_view column_name(int column) const noexcept;
  bool is_null(int column) const noexcept;
  std::int64_t integer(int column) const noexcept;
  double real(int column) const noexcept;
  /// Valid until the next step.
  std::string_view text(int column) const noexcept;
  std::span<const std::byte> blob(int column) const noexcept;

private:
  friend class connection;
  statement(sqlite3_stmt* handle, bool* in_use) noexcept;

  sqlite3_stmt* handle_;
  bool* in_use_; // of the cache; null: not from there, to be finalized
  int bind_code_ = 0;
};

} // namespace dbproxy
