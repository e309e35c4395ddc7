// Cutting and showing UTF-8 text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dbproxy {

/// The last position at or before `at` that is inside no UTF-8 sequence. `at`
/// is within the text or its end.
std::size_t utf8_floor(std::string_view text, std::size_t at);

/// As much of `text` as `bytes_max` holds, whole sequences only.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

/// The number of code points.
std::size_t utf8_length(std::string_view text);

/// `text` on one line: white space is one blank, and what could command a
/// terminal or is no UTF-8 is a question mark.
std::string printable(std::string_view text);

} // namespace dbproxy
