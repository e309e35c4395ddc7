// Described structs and SQL: parameters are bound by the names of members, and
// columns are read into the members of the same name.
#pragma once

#include "messages/described.hpp"
#include "messages/errors.hpp"
#include "storage/sqlite.hpp"

#include <boost/json.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dbproxy {

namespace detail {

/// Why a column could not be read; null when it could.
using column_fault = const char*;

void bind_floats(statement& to, int index, const std::vector<float>& values);
void bind_json(statement& to, int index, const boost::json::value& value);
void bind_json(statement& to, int index, const boost::json::object& value);

column_fault
read_floats(const statement& from, int column, std::vector<float>& values);
column_fault
read_json(const statement& from, int column, boost::json::value& value);
column_fault
read_json(const statement& from, int column, boost::json::object& value);

/// The column of that name, looked for first at `guess`; -1: there is none.
int find_column(const statement& from, std::string_view name, int guess);

write_error unknown_parameter(const statement& to, int index);
write_error missing_column(std::string_view name);
write_error bad_column(std::string_view name, column_fault fault);

template <class>
inline constexpr bool is_unsupported = false;

} // namespace detail

/// Binds one value: text, bytes, integers, reals and booleans (0 or 1) as such;
/// a vector of floats as a blob of little-endian binary32; JSON as its text; an
/// absent optional as NULL. `value` must outlive the use of the statement.
template <class T>
void bind_value(statement& to, int index, const T& value) {
  if constexpr (nullable<T>) {
    if (value)
      bind_value(to, index, *value);
    else
      to.bind_null(index);
  } else if constexpr (
    std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>)
    to.bind_text(index, value);
  else if constexpr (std::is_same_v<T, std::span<const std::byte>>)
    to.bind_blob(index, value);
  else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, bool>)
    to.bind_integer(index, value);
  else if constexpr (std::is_floating_point_v<T>)
    to.bind_real(index, value);
  else if constexpr (std::is_same_v<T, std::vector<float>>)
    detail::bind_floats(to, index, value);
  else if constexpr (
    std::is_same_v<
      T, boost::json::value> || std::is_same_v<T, boost::json::object>)
    detail::bind_json(to, index, value);
  else
    static_assert(detail::is_unsupported<T>, "no SQL type for this member");
}

/// Binds every parameter of the statement to the member of the same name.
/// INTERNAL, naming the parameter, where there is no such member. `params`
/// must outlive the use of the statement.
template <described P>
result<void> bind_members(statement& to, const P& params) {
  for (int index = 1; index <= to.parameter_count(); ++index) {
    auto wanted = to.parameter_name(index);
    bool found = false;
    for_each_member<P>([&](std::string_view name, auto pointer) {
      if (found || name != wanted)
        return;
      bind_value(to, index, params.*pointer);
      found = true;
    });
    if (!found)
      return detail::unknown_parameter(to, index);
  }
  return {};
}

namespace detail {

template <class T>
column_fault read_value(const statement& from, int column, T& value) {
  if constexpr (nullable<T>) {
    if (!from.is_null(column))
      return read_value(from, column, value.emplace());
    value.reset();
    return nullptr;
  } else {
    if (from.is_null(column))
      return "is NULL";
    if constexpr (std::is_same_v<T, std::string>)
      value = from.text(column);
    else if constexpr (std::is_same_v<T, bool>)
      value = from.integer(column) != 0;
    else if constexpr (std::is_same_v<T, std::int64_t>)
      value = from.integer(column);
    else if constexpr (std::is_floating_point_v<T>)
      value = static_cast<T>(from.real(column));
    else if constexpr (std::is_same_v<T, std::vector<float>>)
      return read_floats(from, column, value);
    else if constexpr (
      std::is_same_v<
        T, boost::json::value> || std::is_same_v<T, boost::json::object>)
      return read_json(from, column, value);
    else
      static_assert(is_unsupported<T>, "no SQL type for this member");
    return nullptr;
  }
}

} // namespace detail

/// Reads the rows of one statement as values of T: a described record by the
/// names of its members, anything else from the first column.
template <class T>
class row_reader {
public:
  /// For a statement that was stepped. INTERNAL, naming the column, where one
  /// that T needs is not there. Columns that T does not have are ignored.
  static result<row_reader> over(const statement& from) {
    row_reader reader;
    if constexpr (described<T>) {
      std::size_t member = 0;
      std::optional<write_error> error;
      for_each_member<T>([&](std::string_view name, auto) {
        int guess = static_cast<int>(member);
        int column = detail::find_column(from, name, guess);
        if (column < 0 && !error)
          error = detail::missing_column(name);
        reader.columns_[member++] = column;
      });
      if (error)
        return *error;
    } else if (from.column_count() == 0)
      return detail::missing_column("the first column");
    return reader;
  }

  /// The current row. INTERNAL, naming the column, where its value does not
  /// fit the member.
  result<T> read(const statement& from) const {
    T row{};
    if constexpr (described<T>) {
      std::size_t member = 0;
      std::optional<write_error> error;
      for_each_member<T>([&](std::string_view name, auto pointer) {
        auto column = columns_[member++];
        auto fault = detail::read_value(from, column, row.*pointer);
        if (fault != nullptr && !error)
          error = detail::bad_column(name, fault);
      });
      if (error)
        return *error;
    } else if (auto fault = detail::read_value(from, 0, row); fault != nullptr)
      return detail::bad_column(from.column_name(0), fault);
    return row;
  }

private:
  static constexpr std::size_t size() {
    if constexpr (described<T>)
      return member_count<T>;
    else
      return 0;
  }

  std::array<int, size()> columns_{};
};

} // namespace dbproxy
