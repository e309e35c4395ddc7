#include "app/commands/remembrances/chunks.hpp"

#include "app/commands/text.hpp"

namespace dbproxy {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/// True if a line that is empty or blank ends at `at`.
bool ends_paragraph(std::string_view text, std::size_t at) {
  if (at < 2 || text[at - 1] != '\n')
    return false;
  auto before = at - 1;
  while (before > 0 && (is_space(text[before - 1]) || text[before - 1] == '\r'))
    --before;
  return before > 0 && text[before - 1] == '\n';
}

bool ends_line(std::string_view text, std::size_t at) {
  return text[at - 1] == '\n';
}

bool ends_word(std::string_view text, std::size_t at) {
  return is_space(text[at - 1]);
}

/// Where the chunk that begins at `begin` ends; the text goes on after `limit`.
std::size_t
end_of_chunk(std::string_view text, std::size_t begin, std::size_t limit) {
  auto least = begin + (limit - begin) / 2;
  for (auto is_end : {ends_paragraph, ends_line, ends_word})
    for (auto at = limit; at > least; --at)
      if (is_end(text, at))
        return at;
  return utf8_floor(text, limit);
}

/// Where the next chunk begins, if one ends at `end`.
std::size_t
next_begin(std::string_view text, std::size_t end, std::size_t overlap_bytes) {
  auto first = end - overlap_bytes;
  for (auto is_begin : {ends_line, ends_word})
    for (auto at = first; at < end; ++at)
      if (at > 0 && is_begin(text, at))
        return at;
  while (first < end && utf8_floor(text, first) != first)
    ++first;
  return first;
}

} // namespace

std::vector<std::string>
chunks_of(std::string_view text, const chunk_sizes& sizes) {
  std::vector<std::string> chunks;
  for (std::size_t begin = 0; begin < text.size();) {
    auto rest = text.size() - begin;
    auto end = rest <= sizes.chunk_bytes
                 ? text.size()
                 : end_of_chunk(text, begin, begin + sizes.chunk_bytes);
    chunks.emplace_back(text.substr(begin, end - begin));
    if (end == text.size())
      break;
    begin = next_begin(text, end, sizes.overlap_bytes);
  }
  return chunks;
}

} // namespace dbproxy
