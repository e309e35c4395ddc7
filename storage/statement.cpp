#include "storage/statement.hpp"

#include "storage/sqlite_error.hpp"

#include <sqlite3.h>

#include <utility>

namespace dbproxy {

statement::statement(sqlite3_stmt* handle, bool* in_use) noexcept
  : handle_(handle),
    in_use_(in_use) {}

statement::statement(statement&& other) noexcept
  : handle_(std::exchange(other.handle_, nullptr)),
    in_use_(std::exchange(other.in_use_, nullptr)),
    bind_code_(other.bind_code_) {}

statement::~statement() {
  if (handle_ == nullptr)
    return;
  if (in_use_ == nullptr) {
    sqlite3_finalize(handle_);
    return;
  }
  sqlite3_reset(handle_); // reports again what the last step returned
  sqlite3_clear_bindings(handle_);
  *in_use_ = false;
}

int statement::parameter_count() const noexcept {
  return sqlite3_bind_parameter_count(handle_);
}

std::string_view statement::parameter_name(int index) const noexcept {
  const char* name = sqlite3_bind_parameter_name(handle_, index);
  return name == nullptr ? std::string_view{} : std::string_view{name + 1};
}

void statement::bind_null(int index) noexcept {
  if (bind_code_ == SQLITE_OK)
    bind_code_ = sqlite3_bind_null(handle_, index);
}

void statement::bind_integer(int index, std::int64_t value) noexcept {
  if (bind_code_ == SQLITE_OK)
    bind_code_ = sqlite3_bind_int64(handle_, index, value);
}

void statement::bind_real(int index, double value) noexcept {
  if (bind_code_ == SQLITE_OK)
    bind_code_ = sqlite3_bind_double(handle_, index, value);
}

void statement::bind_text(int index, std::string_view text) noexcept {
  // A null pointer would bind NULL instead of the empty text.
  const char* data = text.data() == nullptr ? "" : text.data();
  if (bind_code_ == SQLITE_OK)
    bind_code_ = sqlite3_bind_text64(
      handle_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void statement::bind_text_copy(int index, std::string_view text) noexcept {
  const char* data = text.data() == nullptr ? "" : text.data();
  if (bind_code_ == SQLITE_OK)
    bind_code_ = sqlite3_bind_text64(
      handle_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void statement::bind_blob(
  int index, std::span<const std::byte> bytes) noexcept {
  if (bind_code_ != SQLITE_OK)
    return;
  if (bytes.empty())
    bind_code_ = sqlite3_bind_zeroblob(handle_, index, 0);
  else
    bind_code_ = sqlite3_bind_blob64(
      handle_, index, bytes.data(), bytes.size(), SQLITE_STATIC);
}

result<bool> statement::step() {
  if (bind_code_ != SQLITE_OK)
    return make_sqlite_error(bind_code_, sqlite3_errstr(bind_code_));
  switch (sqlite3_step(handle_)) {
  case SQLITE_ROW:
    return true;
  case SQLITE_DONE:
    return false;
  default:
    return last_sqlite_error(sqlite3_db_handle(handle_));
  }
}

result<void> statement::finish() {
  for (;;) {
    auto row = step();
    if (!row)
      return row.error();
    if (!*row)
      return {};
  }
}

int statement::column_count() const noexcept {
  return sqlite3_column_count(handle_);
}

std::string_view statement::column_name(int column) const noexcept {
  const char* name = sqlite3_column_name(handle_, column);
  return name == nullptr ? std::string_view{} : std::string_view{name};
}

bool statement::is_null(int column) const noexcept {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t statement::integer(int column) const noexcept {
  return sqlite3_column_int64(handle_, column);
}

double statement::real(int column) const noexcept {
  return sqlite3_column_double(handle_, column);
}

std::string_view statement::text(int column) const noexcept {
  const auto* data = sqlite3_column_text(handle_, column);
  if (data == nullptr)
    return {};
  auto bytes = sqlite3_column_bytes(handle_, column);
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(bytes)};
}

std::span<const std::byte> statement::blob(int column) const noexcept {
  const auto* data = sqlite3_column_blob(handle_, column);
  if (data == nullptr)
    return {};
  auto bytes = sqlite3_column_bytes(handle_, column);
  return {static_cast<const std::byte*>(data), static_cast<std::size_t>(bytes)};
}

} // namespace dbproxy
