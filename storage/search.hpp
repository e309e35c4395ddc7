// A search over rows by their words and by their vectors: the words as an
// FTS5 expression, and the fusion of the two rankings.
#pragma once

#include "messages/described.hpp"
#include "messages/errors.hpp"
#include "storage/binding.hpp"
#include "storage/nearest.hpp"
#include "storage/scopes.hpp"
#include "storage/script.hpp"
#include "storage/sqlite.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dbproxy {

/// How many rows of each ranking take part in a fusion, at least.
inline constexpr std::int64_t candidates_min = 100;

/// The constant of reciprocal rank fusion (Cormack, Clarke and Buettcher,
/// SIGIR 2009): how little the very first ranks outweigh those after them.
inline constexpr double fusion_constant = 60;

/// Row numbers, the best first.
using ranking = std::vector<std::int64_t>;

/// A row that was found; a higher score is a better hit.
struct found_row {
  std::int64_t id = 0;
  double score = 0;

  bool operator==(const found_row&) const = default;
};
BOOST_DESCRIBE_STRUCT(found_row, (), (id, score))

/// The FTS5 expression for what a person typed: any of its words, up to
/// limits::search_words_max of them, and the sequence where several were
/// written without a blank ("foo-bar"). Whatever the text, the expression is
/// well-formed; it is empty where there is no word. Any thread.
std::string match_expression(std::string_view text);

/// The sum of 1 / (fusion_constant + rank) over the rankings, where ranks
/// count from 1: the best `limit` rows, where two are as good the smaller id
/// first. Any thread.
std::vector<found_row>
fuse_rankings(std::span<const ranking> rankings, std::size_t limit);

/// The SQL of a search. Each statement may use the members of the parameters.
struct search_sql {
  script words;   ///< row numbers that match :query, best first, to :limit
  script vectors; ///< row number and vector of every row to compare
  script hit;     ///< the row :id as a hit, with :score
};

/// The sections NAME_words, NAME_vectors and NAME_hit.
search_sql load_search(const std::string& name);

namespace detail {

/// The rows of a statement that are nearest to `wanted`.
result<ranking>
rank_vectors(statement& from, std::span<const float> wanted, std::size_t count);

template <class Search>
result<ranking>
find_words(connection& db, const script& sql, const Search& params) {
  auto words = params;
  words.query = match_expression(params.query);
  words.limit = std::max(params.limit, candidates_min);
  if (words.query.empty())
    return ranking{};
  return run_script<ranking>(db, sql, words);
}

template <class Search>
result<ranking>
find_vectors(connection& db, const script& sql, const Search& params) {
  if (!params.embedding)
    return ranking{};
  auto rows = db.prepare(sql.statements().front());
  if (!rows)
    return rows.error();
  if (auto bound = bind_members(*rows, params); !bound)
    return bound.error();
  auto count = std::max(params.limit, candidates_min);
  return rank_vectors(
    *rows, *params.embedding, static_cast<std::size_t>(count));
}

} // namespace detail

/// Runs a search, all of it on one state of the database. `params` has the
/// members `query`, `embedding` and `limit`.
template <class Hit, described Search>
result<std::vector<Hit>>
search(connection& db, const search_sql& sql, const Search& params) {
  std::vector<Hit> hits;
  if (params.limit <= 0)
    return hits;
  auto snapshot = read_transaction::begin(db);
  if (!snapshot)
    return snapshot.error();
  auto by_words = detail::find_words(db, sql.words, params);
  if (!by_words)
    return by_words.error();
  auto by_vectors = detail::find_vectors(db, sql.vectors, params);
  if (!by_vectors)
    return by_vectors.error();
  const ranking rankings[]{std::move(*by_words), std::move(*by_vectors)};
  auto limit = static_cast<std::size_t>(params.limit);
  for (const auto& row : fuse_rankings(rankings, limit)) {
    auto hit = run_script<Hit>(db, sql.hit, row);
    if (!hit)
      return hit.error();
    hits.push_back(std::move(*hit));
  }
  return hits;
}

} // namespace dbproxy
