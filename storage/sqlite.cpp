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

using statement_cache =
  std::unordered_map<std::string, cached_statement, text_hash, std::equal_to<>>;

// Lives at one address, because SQLite's hooks point to it.
struct connection_state {
  sqlite3* handle = nullptr;
  lock_deadline lock_wait;
  std::function<void()> on_busy;
  int wal_pages = 0;
  std::uint64_t wal_restarts = 0;
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
  if (state.on_busy)
    state.on_busy();
  auto left = *state.lock_wait - clock::now();
  if (left <= clock::duration::zero())
    return 0;
  std::this_thread::sleep_for(
    std::min<clock::duration>(left, limits::lock_poll_interval));
  return 1;
}

int remember_wal_pages(void* context, sqlite3*, const char*, int pages) {
  auto& state = *static_cast<detail::connection_state*>(context);
  if (pages < state.wal_pages)
    ++state.wal_restarts;
  state.wal_pages = pages;
  return SQLITE_OK;
}

int refuse_commit(void* context) {
  return static_cast<detail::connection_state*>(context)->commit_bars;
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
    return last_sqlite_error(handle);
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
      && (oldest == cache.end() || it->second.last_use < oldest->second.last_use))
      oldest = it;
  if (oldest == cache.end())
    return;
  sqlite3_finalize(oldest->second.handle);
  cache.erase(oldest);
}

} // namespace

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
  return statement{cached.handle, &cached.in_use};
}

void connection::set_lock_wait(
  lock_deadline deadline, std::function<void()> on_busy) noexcept {
  state_->lock_wait = deadline;
  state_->on_busy = std::move(on_busy);
}

bool connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(native()) == 0;
}

int connection::wal_pages() const noexcept {
  return state_->wal_pages;
}

std::uint64_t connection::wal_restarts() const noexcept {
  return state_->wal_restarts;
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
  return last_sqlite_error(native());
}

void connection::bar_commits(int more) noexcept {
  state_->commit_bars += more;
}

sqlite3* connection::native() const noexcept {
  return state_->handle;
}

} // namespace dbproxy
