// The SQL of a method and how it runs: its statements in order, with the same
// parameters, the last one giving the result.
#pragma once

#include "messages/described.hpp"
#include "messages/errors.hpp"
#include "storage/binding.hpp"
#include "storage/sqlite.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dbproxy {

/// One or more SQL statements. Immutable; any thread.
class script {
public:
  explicit script(std::string_view sql);

  const std::vector<std::string>& statements() const noexcept {
    return statements_;
  }

private:
  std::vector<std::string> statements_;
};

namespace detail {

write_error no_statement();
write_error no_row();
write_error several_rows();
write_error negative_limit(std::int64_t limit);

/// SQL takes a negative LIMIT for "all", which nobody means who passes one.
template <described P>
std::optional<write_error> check_limit(const P& params) {
  std::optional<write_error> error;
  for_each_member<P>([&](std::string_view name, auto pointer) {
    using member = std::remove_cvref_t<decltype(params.*pointer)>;
    if constexpr (std::is_same_v<member, std::int64_t>)
      if (name == "limit" && params.*pointer < 0)
        error = negative_limit(params.*pointer);
  });
  return error;
}

/// The rows that are left of a statement.
template <class T>
result<std::vector<T>> read_rows(statement& from) {
  std::vector<T> rows;
  std::optional<row_reader<T>> reader;
  for (;;) {
    auto more = from.step();
    if (!more)
      return more.error();
    if (!reader) {
      auto made = row_reader<T>::over(from);
      if (!made)
        return made.error();
      reader = *made;
    }
    if (!*more)
      return rows;
    auto row = reader->read(from);
    if (!row)
      return row.error();
    rows.push_back(std::move(*row));
  }
}

/// The only row of a statement, if there is one. The statement is stepped to
/// its end, for SQLite checks foreign keys after the last row of RETURNING.
template <class T>
result<std::optional<T>> read_row(statement& from) {
  auto rows = read_rows<T>(from);
  if (!rows)
    return rows.error();
  if (rows->size() > 1)
    return several_rows();
  if (rows->empty())
    return std::optional<T>{};
  return std::optional<T>{std::move(rows->front())};
}

template <class R>
concept optional_record = nullable<R> && described<typename R::value_type>;

template <class R>
result<R> read_result(statement& from) {
  if constexpr (std::is_void_v<R>)
    return from.finish();
  else if constexpr (list<R>)
    return read_rows<typename R::value_type>(from);
  else if constexpr (optional_record<R>)
    return read_row<typename R::value_type>(from);
  else {
    auto row = read_row<R>(from);
    if (!row)
      return row.error();
    if (*row)
      return std::move(**row);
    if constexpr (nullable<R>)
      return R{};
    else
      return no_row();
  }
}

} // namespace detail

/// Runs the statements with `params` bound by name. R is what the last one
/// returns: void, a described record or a scalar (exactly one row, else
/// INTERNAL), an optional of these (no row is nothing), or a vector (all
/// rows). INVALID_PARAMS where the member `limit` is negative; INTERNAL where
/// SQL and structs do not fit together; else SQLite's errors.
template <class R, described P>
result<R> run_script(connection& db, const script& sql, const P& params) {
  if (auto error = detail::check_limit(params))
    return *error;
  const auto& texts = sql.statements();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto prepared = db.prepare(texts[i]);
    if (!prepared)
      return prepared.error();
    if (auto bound = bind_members(*prepared, params); !bound)
      return bound.error();
    if (i + 1 == texts.size())
      return detail::read_result<R>(*prepared);
    if (auto done = prepared->finish(); !done)
      return done.error();
  }
  return detail::no_statement();
}

} // namespace dbproxy
