#include "storage/sqlite.hpp"

#include "messages/limits.hpp"
#include "storage/sqlite_error.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <thread>
#include <unordered_map>
#include <utility>

namespace dbproxy {

namespace {

using clock = std::chrono::steady_clock;

struct text_hash {
  using is_transparent = void;

  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

} // namespace

namespace detail {

struct cached_statement {
  sqlite3_stmt* handle = nullptr;
  std::uint64_t last_use = 0;
  bool in_use = false;
};

using statement_cache = std::unordered_map<
  std::string, cached_statement, text_hash, std::equal_to<>>;

// Lives at one address, because SQLite's hooks point to it.
struct connection_state {
  sqlite3* handle = nullptr;
  lock_deadline lock_wait;
  int wal_pages = 0;
  int commit_bars = 0;
  std::uint64_t uses = 0;
  statement_cache statements;

  ~connection_state() {
    for (auto& [sql, cached] : statements)
      sqlite3_finalize(cached.handle);
    sqlite3_close_v2(handle);
  }
};

} // namespace detail

namespace {

int wait_for_lock(void* context, int) {
  const auto& state = *static_cast<detail::connection_state*>(context);
  if (!state.lock_wait)
    return 0;
  auto left = *state.lock_wait - clock::now();
  if (left <= clock::duration::zero())
    return 0;
  std::this_thread::sleep_for(
    std::min<clock::duration>(left, limits::lock_poll_interval));
  return 1;
}

int remember_wal_pages(void* context, sqlite3*, const char*, int pages) {
  static_cast<detail::connection_state*>(context)->wal_pages = pages;
  return SQLITE_OK;
}

int refuse_commit(void* context) {
  return static_cast<detail::connection_state*>(context)->commit_bars;
}

write_error error_of(sqlite3* handle) {
  return make_sqlite_error(
    sqlite3_extended_errcode(handle), sqlite3_errmsg(handle));
}

// The text that SQLite can take in one call; it counts in int.
int sql_length(std::string_view sql) noexcept {
  return static_cast<int>(
    std::min<std::size_t>(sql.size(), std::numeric_limits<int>::max()));
}

/// Prepares the first statement of `sql` and removes it from there. A null
/// statement: there was nothing but blanks and comments.
result<sqlite3_stmt*>
prepare_first(sqlite3* handle, std::string_view& sql, unsigned flags) {
  sqlite3_stmt* prepared = nullptr;
  const char* rest = nullptr;
  int code = sqlite3_prepare_v3(
    handle, sql.data(), sql_length(sql), flags, &prepared, &rest);
  if (code != SQLITE_OK)
    return error_of(handle);
  sql.remove_prefix(static_cast<std::size_t>(rest - sql.data()));
  return prepared;
}

/// The handle of exactly one statement.
result<sqlite3_stmt*>
prepare_one(sqlite3* handle, std::string_view sql, unsigned flags) {
  auto text = sql;
  auto prepared = prepare_first(handle, sql, flags);
  if (!prepared)
    return prepared;
  bool alone = *prepared != nullptr;
  if (alone && !sql.empty()) {
    auto rest = prepare_first(handle, sql, 0);
    alone = rest.has_value() && *rest == nullptr;
    if (rest)
      sqlite3_finalize(*rest);
  }
  if (alone)
    return prepared;
  sqlite3_finalize(*prepared);
  return make_error(
    error_code::internal,
    "not exactly one SQL statement: " + std::string{text.substr(0, 80)});
}

/// Makes room for one more statement by dropping the one not used longest.
void make_room(detail::statement_cache& cache) {
  if (cache.size() < limits::cached_statements_max)
    return;
  auto oldest = cache.end();
  for (auto it = cache.begin(); it != cache.end(); ++it)
    if (
      !it->second.in_use
      && (oldest == cache.end()
          || it->second.last_use < oldest->second.last_use))
      oldest = it;
  if (oldest == cache.end())
    return;
  sqlite3_finalize(oldest->second.handle);
  cache.erase(oldest);
}

result<void> run_once(connection& db, std::string_view sql) {
  auto prepared = db.prepare(sql);
  if (!prepared)
    return prepared.error();
  return prepared->finish();
}

/// For a scope that ends without having been committed: SQLite may have
/// rolled back by itself, so a failure here leaves nothing to undo.
void undo(connection& db, std::string_view sql) noexcept {
  if (!db.in_transaction())
    return;
  sqlite3_stmt* prepared = nullptr;
  sqlite3_prepare_v2(
    db.native(), sql.data(), sql_length(sql), &prepared, nullptr);
  sqlite3_step(prepared);
  sqlite3_finalize(prepared);
}

/// The errors of COMMIT after which nothing of the transaction is on the
/// disk, nor will be: it was refused before its last page was written.
bool is_refused_commit(int code) noexcept {
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_CONSTRAINT:
  case SQLITE_FULL:
  case SQLITE_READONLY:
    return true;
  default:
    return false;
  }
}

} // namespace

// -- statement ---------------------------------------------------------------

statement::statement(
  sqlite3_stmt* handle, detail::cached_statement* slot) noexcept
  : handle_(handle), slot_(slot) {}

statement::statement(statement&& other) noexcept
  : handle_(std::exchange(other.handle_, nullptr)),
    slot_(std::exchange(other.slot_, nullptr)),
    bind_code_(other.bind_code_) {}

statement::~statement() {
  if (handle_ == nullptr)
    return;
  if (slot_ == nullptr) {
    sqlite3_finalize(handle_);
    return;
  }
  sqlite3_reset(handle_); // reports again what the last step returned
  sqlite3_clear_bindings(handle_);
  slot_->in_use = false;
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
    return error_of(sqlite3_db_handle(handle_));
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

// -- connection --------------------------------------------------------------

connection::connection(sqlite3* handle)
  : state_(std::make_unique<detail::connection_state>()) {
  state_->handle = handle;
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_handler(handle, wait_for_lock, state_.get());
  sqlite3_wal_hook(handle, remember_wal_pages, state_.get());
  sqlite3_commit_hook(handle, refuse_commit, state_.get());
}

connection::connection(connection&& other) noexcept = default;
connection& connection::operator=(connection&& other) noexcept = default;
connection::~connection() = default;

result<void> connection::execute(std::string_view sql) {
  while (!sql.empty()) {
    auto prepared = prepare_first(native(), sql, 0);
    if (!prepared)
      return prepared.error();
    if (*prepared == nullptr)
      continue;
    if (auto done = statement{*prepared, nullptr}.finish(); !done)
      return done;
  }
  return {};
}

result<statement> connection::prepare(std::string_view sql) {
  auto& cache = state_->statements;
  auto found = cache.find(sql);
  if (found == cache.end()) {
    auto prepared = prepare_one(native(), sql, SQLITE_PREPARE_PERSISTENT);
    if (!prepared)
      return prepared.error();
    make_room(cache);
    if (cache.size() >= limits::cached_statements_max)
      return statement{*prepared, nullptr};
    found = cache.emplace(sql, detail::cached_statement{*prepared}).first;
  }
  auto& cached = found->second;
  if (cached.in_use) { // one is being stepped: this one is made for the moment
    auto prepared = prepare_one(native(), sql, 0);
    if (!prepared)
      return prepared.error();
    return statement{*prepared, nullptr};
  }
  cached.in_use = true;
  cached.last_use = ++state_->uses;
  return statement{cached.handle, &cached};
}

void connection::set_lock_wait(lock_deadline deadline) noexcept {
  state_->lock_wait = deadline;
}

bool connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(native()) == 0;
}

int connection::wal_pages() const noexcept {
  return state_->wal_pages;
}

bool connection::has_unresolved_foreign_keys() const noexcept {
  int unresolved = 0;
  int highest = 0;
  sqlite3_db_status(
    native(), SQLITE_DBSTATUS_DEFERRED_FKS, &unresolved, &highest, 0);
  return unresolved != 0;
}

std::int64_t connection::last_insert_rowid() const noexcept {
  return sqlite3_last_insert_rowid(native());
}

std::string connection::path() const {
  const char* name = sqlite3_db_filename(native(), "main");
  return name == nullptr ? std::string{} : std::string{name};
}

write_error connection::last_error() const {
  return error_of(native());
}

sqlite3* connection::native() const noexcept {
  return state_->handle;
}

// -- scopes ------------------------------------------------------------------

result<immediate_transaction> immediate_transaction::begin(connection& db) {
  if (auto begun = run_once(db, "BEGIN IMMEDIATE"); !begun)
    return begun.error();
  return immediate_transaction{db};
}

immediate_transaction::immediate_transaction(
  immediate_transaction&& other) noexcept
  : db_(std::exchange(other.db_, nullptr)) {}

immediate_transaction::~immediate_transaction() {
  if (db_ != nullptr)
    undo(*db_, "ROLLBACK");
}

result<void> immediate_transaction::commit() {
  auto& db = *std::exchange(db_, nullptr);
  auto committed = run_once(db, "COMMIT");
  if (committed)
    return {};
  auto error = committed.error();
  error.outcome = is_refused_commit(sqlite3_errcode(db.native()))
                    ? write_outcome::not_applied
                    : write_outcome::unknown;
  undo(db, "ROLLBACK");
  return error;
}

result<savepoint> savepoint::begin(connection& db) {
  if (auto begun = run_once(db, "SAVEPOINT dbproxy"); !begun)
    return begun.error();
  return savepoint{db};
}

savepoint::savepoint(savepoint&& other) noexcept
  : db_(std::exchange(other.db_, nullptr)) {}

savepoint::~savepoint() {
  if (db_ == nullptr)
    return;
  undo(*db_, "ROLLBACK TO dbproxy");
  undo(*db_, "RELEASE dbproxy");
}

result<void> savepoint::release() {
  if (auto released = run_once(*db_, "RELEASE dbproxy"); !released)
    return released;
  db_ = nullptr;
  return {};
}

result<void> savepoint::roll_back() {
  if (auto undone = run_once(*db_, "ROLLBACK TO dbproxy"); !undone)
    return undone;
  return release();
}

commit_bar::commit_bar(connection& db) noexcept : state_(*db.state_) {
  ++state_.commit_bars;
}

commit_bar::~commit_bar() {
  --state_.commit_bars;
}

} // namespace dbproxy
