#include "app/commands/text_table.hpp"

#include "app/commands/text.hpp"

#include <algorithm>
#include <numeric>
#include <ostream>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace dbproxy {

namespace {

constexpr std::string_view gap = "  ";
constexpr std::string_view cut_mark = "\u2026";
// A column is not made narrower than this.
constexpr std::size_t column_width_min = 6;
constexpr std::size_t usual_terminal_width = 80;
// No cell shows more than this, however wide the terminal is.
constexpr std::size_t cell_bytes_max = 4096;

/// Where the code point after `count` others begins.
std::size_t position_of(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (count-- > 0)
    while (++at < text.size() && utf8_floor(text, at) != at) {
    }
  return at;
}

/// `text` with at most `width` code points.
std::string fitted(std::string_view text, std::size_t width, shown_part part) {
  auto length = utf8_length(text);
  if (length <= width)
    return std::string{text};
  std::string mark{cut_mark};
  if (part == shown_part::front)
    return std::string{text.substr(0, position_of(text, width - 1))} + mark;
  return mark + std::string{text.substr(position_of(text, length - width + 1))};
}

} // namespace

text_table::text_table(std::vector<table_column> columns)
  : columns_(std::move(columns)) {}

void text_table::add(const std::vector<std::string>& texts) {
  std::vector<std::string> row;
  row.reserve(texts.size());
  for (const auto& text : texts)
    row.push_back(printable(utf8_prefix(text, cell_bytes_max)));
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> text_table::widths(std::size_t width) const {
  std::vector<std::size_t> wanted;
  wanted.reserve(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto most = utf8_length(columns_[i].title);
    for (const auto& row : rows_)
      most = std::max(most, utf8_length(row[i]));
    wanted.push_back(std::max<std::size_t>(most, 1));
  }
  auto gaps = gap.size() * (columns_.size() - 1);
  auto total = std::accumulate(wanted.begin(), wanted.end(), gaps);
  while (total > width) {
    auto widest = std::max_element(wanted.begin(), wanted.end());
    if (*widest <= column_width_min)
      break;
    --*widest;
    --total;
  }
  return wanted;
}

void text_table::print_row(
  std::ostream& out, const std::vector<std::string>& row,
  const std::vector<std::size_t>& widths) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    auto text = fitted(row[i], widths[i], columns_[i].part);
    std::string fill(widths[i] - utf8_length(text), ' ');
    line += i > 0 ? gap : std::string_view{};
    line += columns_[i].right ? fill + text : text + fill;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << '\n';
}

void text_table::print(std::ostream& out, std::size_t width) const {
  auto fitting = widths(width);
  std::vector<std::string> titles;
  titles.reserve(columns_.size());
  for (const auto& column : columns_)
    titles.push_back(column.title);
  print_row(out, titles, fitting);
  for (const auto& row : rows_)
    print_row(out, row, fitting);
}

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return usual_terminal_width;
}

} // namespace dbproxy
