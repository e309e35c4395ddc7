// What ctags says, as symbols of the code index.
#pragma once

#include "app/commands/remembrances/ctags.hpp"
#include "messages/code_index.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dbproxy {

/// Of the source of one symbol at most so much is kept.
inline constexpr std::size_t symbol_source_bytes_max = 8U << 10U;
/// Of the sources of all symbols of one file; later ones have none.
inline constexpr std::size_t file_sources_bytes_max = 4U << 20U;

/// The symbols of a file, each after its parent. Tags that lie past the end of
/// `content` are left out.
std::vector<new_code_symbol> symbols_of(
  const std::string& file_path, std::string_view content,
  const std::vector<ctags_tag>& tags);

} // namespace dbproxy
