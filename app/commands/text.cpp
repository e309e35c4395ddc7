#include "app/commands/text.hpp"

#include "messages/json_codec.hpp"

#include <algorithm>

namespace dbproxy {

namespace {

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// The bytes of the sequence at the front of `text`; 0 if it is no UTF-8.
std::size_t sequence_bytes(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && continues(text[size]))
    ++size;
  return is_utf8(text.substr(0, size)) ? size : 0;
}

/// True for the control characters of ASCII and of Latin-1 (U+0080 to U+009F).
bool commands_terminal(std::string_view sequence) {
  auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1)
    return first < 0x20U || first == 0x7fU;
  return first == 0xc2U && static_cast<unsigned char>(sequence[1]) < 0xa0U;
}

} // namespace

std::size_t utf8_floor(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && continues(text[at]))
    --at;
  return at;
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  return text.substr(0, utf8_floor(text, std::min(bytes_max, text.size())));
}

std::size_t utf8_length(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
    text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (is_blank(text[0])) {
      if (!out.empty() && out.back() != ' ')
        out += ' ';
      text.remove_prefix(1);
      continue;
    }
    auto size = sequence_bytes(text);
    auto shown = size > 0 && !commands_terminal(text.substr(0, size));
    size = std::max<std::size_t>(size, 1);
    if (shown)
      out += text.substr(0, size);
    else
      out += '?';
    text.remove_prefix(size);
  }
  if (!out.empty() && out.back() == ' ')
    out.pop_back();
  return out;
}

} // namespace dbproxy
