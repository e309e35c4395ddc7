#include "storage/journal.hpp"

#include "messages/limits.hpp"
#include "storage/sql_text.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace dbproxy {

namespace json = boost::json;

namespace {

constexpr std::size_t run_digits = 16;
constexpr std::size_t number_digits = 12;
constexpr std::size_t number_at = run_digits + 1;

// Pruning looks at the oldest entries this often, and after so many new ones:
// twice as fast as entries can come.
constexpr auto prune_interval = std::chrono::milliseconds{100};
constexpr int prune_every = limits::journal_prune_rows_max / 2;

// Below this a text is stored again rather than referred to.
constexpr std::size_t short_text_bytes = 64;
// Names the members that are to be taken from the parameters. No member of a
// described struct has such a name.
constexpr std::string_view from_params = "$params";

bool is_hex(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

bool is_generated(std::string_view id) noexcept {
  return id.size() == number_at + number_digits && id[run_digits] == '-'
         && is_hex(id.substr(0, run_digits)) && is_hex(id.substr(number_at));
}

/// True if settling `later` settles `earlier`, which sorts before it, too.
bool covers(std::string_view later, std::string_view earlier) noexcept {
  if (later == earlier)
    return true;
  return is_generated(later) && is_generated(earlier)
         && later.substr(0, number_at) == earlier.substr(0, number_at);
}

result<void> settle_one(connection& db, std::string_view request_id) {
  static const auto sql = find_section("journal_settle");
  auto first = std::string{request_id};
  if (is_generated(request_id))
    first.replace(number_at, number_digits, number_digits, '0');
  auto remove = db.prepare(sql);
  if (!remove)
    return remove.error();
  remove->bind_text(1, first);
  remove->bind_text(2, request_id);
  return remove->finish();
}

/// Steps a statement once and reads its first column, an integer or NULL.
result<std::optional<std::int64_t>> read_integer(statement& from) {
  auto row = from.step();
  if (!row)
    return row.error();
  std::optional<std::int64_t> value;
  if (*row && !from.is_null(0))
    value = from.integer(0);
  return value;
}

result<std::optional<std::int64_t>> newest_entry(connection& db) {
  static const auto sql = find_section("journal_newest");
  auto query = db.prepare(sql);
  if (!query)
    return query.error();
  return read_integer(*query);
}

/// The JSON of a result without the long texts that the parameters hold under
/// the same name: whoever sends the write again brings them along.
std::string condensed(const boxed& value, const prepared_write& write) {
  json::array left_out;
  auto text = write.returns->encode_text_if(
    value, [&](std::string_view name, std::string_view member) {
      if (member.size() <= short_text_bytes)
        return true;
      if (write.params_codec->member_text(write.params, name) != member)
        return true;
      left_out.emplace_back(name);
      return false;
    });
  if (!left_out.empty()) {
    text.pop_back();
    detail::append_name(text, from_params);
    text += json::serialize(left_out) + "}";
  }
  return text;
}

/// Undoes `condensed`. False: the text does not fit the parameters.
bool expand(json::value& value, const prepared_write& write) {
  auto* object = value.if_object();
  const auto* left_out =
    object == nullptr ? nullptr : object->if_contains(from_params);
  if (left_out == nullptr)
    return true;
  if (!left_out->is_array())
    return false;
  auto names = left_out->get_array();
  object->erase(from_params);
  for (const auto& name : names) {
    const auto* key = name.if_string();
    auto param = key != nullptr
                   ? write.params_codec->member_text(write.params, *key)
                   : std::nullopt;
    if (!param)
      return false;
    object->emplace(*key, *param);
  }
  return true;
}

} // namespace

journal::journal(std::function<clock::time_point()> now)
  : now_(std::move(now)) {}

std::int64_t journal::now_ms() const {
  using namespace std::chrono;
  return duration_cast<milliseconds>(now_().time_since_epoch()).count();
}

result<std::optional<journal_entry>>
journal::find(connection& db, std::string_view request_id) const {
  static const auto sql = find_section("journal_find");
  auto query = db.prepare(sql);
  if (!query)
    return query.error();
  query->bind_text(1, request_id);
  auto row = query->step();
  if (!row)
    return row.error();
  std::optional<journal_entry> found;
  if (*row)
    found = journal_entry{
      query->integer(0), std::string{query->text(1)},
      static_cast<std::uint64_t>(query->integer(2)),
      std::string{query->text(3)}};
  return found;
}

result<std::int64_t> journal::record(
  connection& db, const prepared_write& write, const boxed& value) {
  static const auto sql = find_section("journal_insert");
  auto text = condensed(value, write);
  if (text.size() > limits::message_bytes_max)
    return make_error(
      error_code::internal, "the result has " + std::to_string(text.size())
                              + " bytes, more than message_bytes_max = "
                              + std::to_string(limits::message_bytes_max));
  auto insert = db.prepare(sql);
  if (!insert)
    return insert.error();
  insert->bind_text(1, *write.request_id);
  insert->bind_text(2, write.source_instance_id);
  insert->bind_text(3, write.method);
  insert->bind_integer(4, static_cast<std::int64_t>(write.fingerprint));
  insert->bind_text(5, text);
  insert->bind_integer(6, now_ms());
  if (auto done = insert->finish(); !done)
    return done.error();
  ++recorded_;
  return db.last_insert_rowid();
}

result<boxed>
journal::replay(const journal_entry& entry, const prepared_write& write) const {
  if (entry.method != write.method || entry.fingerprint != write.fingerprint)
    return make_error(
      error_code::conflict, "request_id reused for a different write",
      write.method);
  auto json = parse_json(entry.result);
  if (json && expand(*json, write))
    if (auto value = write.returns->decode(*json))
      return value;
  return make_error(
    error_code::internal,
    "the journal's entry " + std::to_string(entry.entry)
      + " holds no result of this method",
    write.method);
}

result<void>
journal::settle(connection& db, std::vector<std::string_view> ids) {
  std::ranges::sort(ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    bool is_last = i + 1 == ids.size();
    if (!is_last && covers(ids[i + 1], ids[i]))
      continue;
    if (auto done = settle_one(db, ids[i]); !done)
      return done;
  }
  return {};
}

result<void> journal::prune_if_due(connection& db) {
  auto now = now_();
  // The clock may be set back.
  auto is_time = now >= next_prune_ || now < next_prune_ - prune_interval;
  if (!is_time && recorded_ < prune_every)
    return {};
  recorded_ = 0;
  next_prune_ = now + prune_interval;
  return prune(db);
}

result<void> journal::prune(connection& db) {
  static const auto sql = find_section("journal_prune");
  auto last = last_prunable(db);
  if (!last)
    return last.error();
  if (!*last)
    return {};
  auto remove = db.prepare(sql);
  if (!remove)
    return remove.error();
  remove->bind_integer(1, **last);
  return remove->finish();
}

result<std::optional<std::int64_t>>
journal::last_prunable(connection& db) const {
  using namespace std::chrono;
  static const auto sql = find_section("journal_oldest");
  auto newest = newest_entry(db);
  if (!newest)
    return newest.error();
  auto entry_min = newest->value_or(0) - limits::journal_entries_max;
  auto age_min = now_ms() - milliseconds{limits::journal_window}.count();
  auto oldest = db.prepare(sql);
  if (!oldest)
    return oldest.error();
  oldest->bind_integer(1, limits::journal_prune_rows_max);
  std::optional<std::int64_t> last;
  for (;;) {
    auto row = oldest->step();
    if (!row)
      return row.error();
    if (!*row)
      return last;
    auto entry = oldest->integer(0);
    auto committed_at_ms = oldest->integer(1);
    if (entry > entry_min && committed_at_ms >= age_min)
      return last;
    last = entry;
  }
}

result<std::int64_t> journal::entries(connection& db) const {
  static const auto sql = find_section("journal_count");
  auto query = db.prepare(sql);
  if (!query)
    return query.error();
  auto count = read_integer(*query);
  if (!count)
    return count.error();
  return count->value_or(0);
}

} // namespace dbproxy
