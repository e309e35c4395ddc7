// Cuts a document into the parts that a search finds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dbproxy {

inline constexpr std::size_t chunk_bytes_min = 64;
inline constexpr std::size_t chunk_bytes_max = 1U << 20U;

struct chunk_sizes {
  /// Within chunk_bytes_min and chunk_bytes_max.
  std::size_t chunk_bytes = 2000;
  /// How much of a chunk the next one repeats, at most half of a chunk.
  std::size_t overlap_bytes = 200;
};

/// The chunks of `text`, which is UTF-8, in order; none of an empty text. Each
/// has at most `chunk_bytes` and, but for the last, more than half of that. It
/// ends after a paragraph, else after a line, else after a word, else between
/// two characters: the last such place that keeps it within these. The next
/// one begins at most `overlap_bytes` before that, at the start of a line, else
/// of a word, else of a character.
std::vector<std::string>
chunks_of(std::string_view text, const chunk_sizes& sizes);

} // namespace dbproxy
