// What the suites of this folder share: a database in a fresh directory, its
// rows as text, and methods called by name with JSON.
#pragma once

#include "messages/json_codec.hpp"
#include "storage/methods.hpp"
#include "storage/schema.hpp"
#include "storage/sqlite.hpp"

#include "caf/test/unit_test.hpp"

#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dbproxy::storage_test {

using namespace std::chrono_literals;

/// How long to wait for what must happen.
inline constexpr std::chrono::seconds patience{60};

inline lock_deadline in(std::chrono::milliseconds wait) {
  return std::chrono::steady_clock::now() + wait;
}

/// The value of a result that must be there.
template <class T>
T must(result<T> value) {
  if (!value)
    CAF_FAIL("unexpected error: " << to_string(value.error()));
  if constexpr (!std::is_void_v<T>)
    return std::move(*value);
}

/// The error of a result that must be one.
template <class T>
write_error must_fail(const result<T>& value) {
  if (value)
    CAF_FAIL("an error was expected");
  return value.error();
}

/// "CODE: message" of a result that must be an error.
template <class T>
std::string failure(const result<T>& value) {
  auto error = must_fail(value);
  return std::string{to_string(error.code)} + ": " + error.message;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// A path in a fresh directory, removed at the end with all that is in it.
class temp_database {
public:
  temp_database() {
    std::string name = "/tmp/dbproxy-storage-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"mkdtemp"};
    directory_ = std::filesystem::canonical(name);
  }

  temp_database(const temp_database&) = delete;
  temp_database& operator=(const temp_database&) = delete;

  ~temp_database() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  const std::filesystem::path& directory() const { return directory_; }
  std::string path() const { return directory_ / "test.db"; }

  open_options options(access mode = access::read_write) const {
    open_options made;
    made.path = path();
    made.access = mode;
    made.sync = sync_mode::normal; // the tests do not cut the power
    return made;
  }

  connection open(access mode = access::read_write) const {
    return must(open_database(options(mode)));
  }

private:
  std::filesystem::path directory_;
};

/// Every row of a query, its columns joined by "|".
inline std::vector<std::string> rows(connection& db, std::string_view sql) {
  auto query = must(db.prepare(sql));
  std::vector<std::string> lines;
  while (must(query.step())) {
    std::string line;
    for (int column = 0; column < query.column_count(); ++column) {
      line += column == 0 ? "" : "|";
      line += query.is_null(column) ? "NULL" : query.text(column);
    }
    lines.push_back(line);
  }
  return lines;
}

/// The only row of a query.
inline std::string row(connection& db, std::string_view sql) {
  auto lines = rows(db, sql);
  if (lines.size() != 1)
    CAF_FAIL("one row was expected, not " << lines.size());
  return lines.front();
}

/// By the clock that SQLite reads; time() can be some milliseconds behind it.
inline std::int64_t unix_time() {
  using namespace std::chrono;
  auto now = system_clock::now().time_since_epoch();
  return duration_cast<seconds>(now).count();
}

/// Methods of a set, called by name on a connection.
class caller {
public:
  caller(connection& db, const method_set& methods)
    : db_(db),
      methods_(methods) {}

  /// What a method returns for parameters in JSON. Times that have passed
  /// since this object was made are shown as "now".
  boost::json::value
  operator()(std::string_view method, std::string_view params = "{}") const {
    auto entry = entry_of(method);
    auto value = must(run(*entry, params));
    auto json = entry->returns->encode(value);
    mark_times(json);
    return json;
  }

  /// "CODE: message" of a call that must fail.
  std::string
  error(std::string_view method, std::string_view params = "{}") const {
    auto error = must_fail(run(*entry_of(method), params));
    CAF_CHECK_EQUAL(error.method, method);
    return std::string{to_string(error.code)} + ": " + error.message;
  }

private:
  method_ptr entry_of(std::string_view method) const {
    auto entry = methods_.find(method);
    if (entry == nullptr)
      CAF_FAIL("no method " << std::string{method});
    return entry;
  }

  result<boxed> run(const method_entry& entry, std::string_view params) const {
    auto json = must(parse_json(params));
    return entry.run(db_, must(entry.params->decode(json)));
  }

  void mark_times(boost::json::value& json) const {
    if (auto* array = json.if_array())
      for (auto& element : *array)
        mark_times(element);
    if (auto* object = json.if_object())
      for (auto& member : *object) {
        std::string_view name = member.key();
        auto* time = member.value().if_int64();
        bool is_time = name.ends_with("_at") || name == "last_evaluation";
        if (is_time && time != nullptr && *time >= begin_)
          member.value() = *time <= unix_time() ? "now" : "the future";
      }
  }

  connection& db_;
  const method_set& methods_;
  std::int64_t begin_ = unix_time();
};

/// The methods of the catalogue, made once.
inline const method_set& catalogue_methods() {
  static const method_set methods;
  return methods;
}

/// A database and its methods, for a test to begin with.
struct method_fixture {
  temp_database files;
  connection db = files.open();
  caller call{db, catalogue_methods()};
};

} // namespace dbproxy::storage_test

/// Compares JSON with what is expected, a text; numbers must be of the same
/// kind, the order of members does not matter.
#define CHECK_JSON(actual, expected)                                           \
  do {                                                                         \
    const boost::json::value actual_json = actual;                             \
    const boost::json::value expected_json = boost::json::parse(expected);     \
    CAF_CHECK_EQUAL(                                                           \
      boost::json::serialize(actual_json),                                     \
      actual_json == expected_json ? boost::json::serialize(actual_json)       \
                                   : boost::json::serialize(expected_json));   \
  } while (false)
