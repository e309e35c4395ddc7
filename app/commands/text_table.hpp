// Rows for a reader at a terminal.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace dbproxy {

/// Which part of a text that does not fit is shown.
enum class shown_part { front, back };

struct table_column {
  std::string title;
  shown_part part = shown_part::front;
  bool right = false; ///< aligned to the right, as numbers are
};

/// Columns that are as wide as their texts, but together no wider than the
/// terminal: the widest ones give way.
class text_table {
public:
  explicit text_table(std::vector<table_column> columns);

  /// One text a column; see `printable`.
  void add(const std::vector<std::string>& texts);

  void print(std::ostream& out, std::size_t width) const;

private:
  std::vector<std::size_t> widths(std::size_t width) const;
  void print_row(
    std::ostream& out, const std::vector<std::string>& row,
    const std::vector<std::size_t>& widths) const;

  std::vector<table_column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// The columns of the terminal that is standard output; 80 if it has none.
std::size_t terminal_width();

} // namespace dbproxy
