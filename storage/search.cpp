#include "storage/search.hpp"

#include "messages/limits.hpp"
#include "storage/sql_text.hpp"

#include <algorithm>

namespace dbproxy {

namespace {

/// What is longer is no word that anybody searches for. Bounds how much one
/// word can cost: FTS5 may take it apart at marks that only it knows.
constexpr std::size_t word_bytes_max = 256;

bool is_blank(char c) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte == 0x7f;
}

/// Letters and digits of ASCII, and whatever is not ASCII: the tokenizer
/// knows which of that are letters.
bool is_of_word(char c) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (byte >= '0' && byte <= '9')
         || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/// The first run of characters for which `is_part` holds, removed from `text`
/// with all that stands before it; empty if there is none.
template <class F>
std::string_view take_run(std::string_view& text, F is_part) {
  auto first = std::ranges::find_if(text, is_part);
  auto last = std::find_if_not(first, text.end(), is_part);
  std::string_view run{first, last};
  text = {last, text.end()};
  return run;
}

/// The beginning of a long word, not cut within a character.
std::string_view shortened(std::string_view word) noexcept {
  if (word.size() <= word_bytes_max)
    return word;
  auto end = word_bytes_max;
  for (int i = 0; i < 3 && (word[end] & 0xc0) == 0x80; ++i)
    --end;
  return word.substr(0, end);
}

/// FTS5 strings joined by OR, each of them once.
class alternatives {
public:
  void add(std::string_view words) {
    auto quoted = '"' + std::string{words} + '"';
    if (std::ranges::find(strings_, quoted) == strings_.end())
      strings_.push_back(std::move(quoted));
  }

  std::string join() const {
    std::string expression;
    for (const auto& one : strings_)
      expression += (expression.empty() ? "" : " OR ") + one;
    return expression;
  }

private:
  std::vector<std::string> strings_;
};

} // namespace

std::string match_expression(std::string_view text) {
  alternatives found;
  std::size_t words = 0;
  auto is_full = [&] { return words == limits::search_words_max; };
  while (!is_full()) {
    auto written = take_run(text, [](char c) { return !is_blank(c); });
    if (written.empty())
      break;
    std::string sequence;
    std::size_t parts = 0;
    while (!is_full()) {
      auto word = shortened(take_run(written, is_of_word));
      if (word.empty())
        break;
      found.add(word);
      sequence += parts == 0 ? "" : " ";
      sequence += word;
      ++parts;
      ++words;
    }
    if (parts > 1)
      found.add(sequence);
  }
  return found.join();
}

std::vector<found_row>
fuse_rankings(std::span<const ranking> rankings, std::size_t limit) {
  std::vector<found_row> rows;
  for (const auto& ids : rankings)
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto rank = static_cast<double>(i + 1);
      rows.push_back({ids[i], 1 / (fusion_constant + rank)});
    }
  std::ranges::stable_sort(rows, {}, &found_row::id);
  std::vector<found_row> fused;
  for (const auto& row : rows)
    if (!fused.empty() && fused.back().id == row.id)
      fused.back().score += row.score;
    else
      fused.push_back(row);
  std::ranges::stable_sort(fused, std::ranges::greater{}, &found_row::score);
  if (fused.size() > limit)
    fused.resize(limit);
  return fused;
}

search_sql load_search(const std::string& name) {
  return {
    script{find_section(name + "_words")},
    script{find_section(name + "_vectors")},
    script{find_section(name + "_hit")}};
}

namespace detail {

result<ranking> rank_vectors(
  statement& from, std::span<const float> wanted, std::size_t count) {
  nearest_vectors nearest{wanted, count};
  for (;;) {
    auto row = from.step();
    if (!row)
      return row.error();
    if (!*row)
      return nearest.take();
    nearest.offer(from.integer(0), from.blob(1));
  }
}

} // namespace detail

} // namespace dbproxy
