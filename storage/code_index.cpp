#include "storage/code_index.hpp"

#include "storage/nearest.hpp"
#include "storage/script.hpp"
#include "storage/search.hpp"
#include "storage/sql_text.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace dbproxy {

namespace {

struct file_row {
  std::string_view project_id;
  std::string_view root_path;
  std::string_view file_path;
  std::string_view language;
  std::string_view file_hash;
  std::int64_t symbol_count = 0;
};
BOOST_DESCRIBE_STRUCT(
  file_row, (),
  (project_id, root_path, file_path, language, file_hash, symbol_count))

struct file_key {
  std::int64_t file = 0;
};
BOOST_DESCRIBE_STRUCT(file_key, (), (file))

struct symbol_row {
  std::int64_t file = 0;
  std::string_view project_id;
  std::string_view id;
  std::optional<std::string_view> parent_id;
  std::string_view symbol_type;
  std::int64_t start_line = 0;
  std::int64_t end_line = 0;
  std::int64_t start_byte = 0;
  std::int64_t end_byte = 0;
  std::string_view name;
  std::string_view name_path;
  std::optional<vector_bytes> embedding;
  std::optional<std::string_view> signature;
  std::optional<std::string> metadata;
  std::optional<std::string_view> doc_string;
  std::optional<std::string_view> source_code;
};
BOOST_DESCRIBE_STRUCT(
  symbol_row, (),
  (file, project_id, id, parent_id, symbol_type, start_line, end_line,
   start_byte, end_byte, name, name_path, embedding, signature, metadata,
   doc_string, source_code))

/// A symbol of another file, and the id of its parent in this one.
struct foreign_child {
  std::int64_t symbol = 0;
  std::string parent_id;
};
BOOST_DESCRIBE_STRUCT(foreign_child, (), (symbol, parent_id))

struct adoption {
  std::string_view project_id;
  std::int64_t symbol = 0;
  std::string_view parent_id;
};
BOOST_DESCRIBE_STRUCT(adoption, (), (project_id, symbol, parent_id))

write_error no_project(std::string_view project_id) {
  return make_error(
    error_code::conflict,
    "there is no project \"" + std::string{project_id} + "\"");
}

write_error no_parent(const symbol_row& symbol) {
  return make_error(
    error_code::conflict,
    "the symbol \"" + std::string{symbol.id} + "\" has the parent \""
      + std::string{*symbol.parent_id} + "\", which its project does not have");
}

write_error own_ancestor(const new_code_symbol& symbol) {
  return make_error(
    error_code::conflict,
    "the symbol \"" + symbol.id + "\" is among its own parents");
}

// -- laying out --------------------------------------------------------------

/// The symbols of one call in such an order that parents come first.
class parents_first {
public:
  explicit parents_first(const std::vector<new_code_symbol>& symbols)
    : symbols_(symbols),
      states_(symbols.size(), state::waiting) {
    for (std::size_t i = 0; i < symbols.size(); ++i)
      by_id_.emplace(symbols[i].id, i);
  }

  /// Their indexes, or CONFLICT where a symbol is its own ancestor.
  result<std::vector<std::size_t>> sort() {
    for (std::size_t i = 0; i < symbols_.size(); ++i)
      if (auto error = place(i))
        return *error;
    return order_;
  }

private:
  enum class state { waiting, entered, placed };

  /// Places a symbol after its ancestors. No recursion, for a chain of
  /// parents may be long.
  std::optional<write_error> place(std::size_t index) {
    std::vector<std::size_t> chain;
    std::optional<std::size_t> next = index;
    for (; next && states_[*next] != state::placed; next = parent_of(*next)) {
      if (states_[*next] == state::entered)
        return own_ancestor(symbols_[*next]);
      states_[*next] = state::entered;
      chain.push_back(*next);
    }
    for (; !chain.empty(); chain.pop_back()) {
      states_[chain.back()] = state::placed;
      order_.push_back(chain.back());
    }
    return std::nullopt;
  }

  /// The parent, if it is one of these symbols.
  std::optional<std::size_t> parent_of(std::size_t index) const {
    const auto& parent_id = symbols_[index].parent_id;
    if (!parent_id)
      return std::nullopt;
    auto found = by_id_.find(*parent_id);
    if (found == by_id_.end())
      return std::nullopt;
    return found->second;
  }

  const std::vector<new_code_symbol>& symbols_;
  std::vector<state> states_;
  std::unordered_map<std::string_view, std::size_t> by_id_;
  std::vector<std::size_t> order_;
};

symbol_row to_row(std::string_view project_id, const new_code_symbol& symbol) {
  symbol_row row;
  row.project_id = project_id;
  row.id = symbol.id;
  row.parent_id = symbol.parent_id;
  row.symbol_type = symbol.symbol_type;
  row.start_line = symbol.start_line;
  row.end_line = symbol.end_line;
  row.start_byte = symbol.start_byte;
  row.end_byte = symbol.end_byte;
  row.name = symbol.name;
  row.name_path = symbol.name_path;
  row.embedding = stored_form(symbol.embedding);
  row.signature = symbol.signature;
  if (symbol.metadata)
    row.metadata = boost::json::serialize(*symbol.metadata);
  row.doc_string = symbol.doc_string;
  row.source_code = symbol.source_code;
  return row;
}

struct file_rows {
  file_row file;
  std::vector<symbol_row> symbols;
};

result<file_rows> to_rows(const code_index_file& params) {
  auto order = parents_first{params.symbols}.sort();
  if (!order)
    return order.error();
  file_rows rows;
  rows.file = {params.project_id, params.root_path,
               params.file_path,  params.language,
               params.file_hash,  static_cast<std::int64_t>(order->size())};
  rows.symbols.reserve(order->size());
  for (auto index : *order)
    rows.symbols.push_back(to_row(params.project_id, params.symbols[index]));
  return rows;
}

// -- writing -----------------------------------------------------------------

/// Runs what returns a row where there is such a project.
template <class Project>
result<void>
run_on_project(connection& db, const script& sql, const Project& params) {
  auto row = run_script<std::optional<std::int64_t>>(db, sql, params);
  if (!row)
    return row.error();
  if (!*row)
    return no_project(params.project_id);
  return {};
}

result<void> insert_symbols(
  connection& db, std::int64_t file, const std::vector<symbol_row>& symbols) {
  static const script sql{find_section("code_insert_symbol")};
  for (auto symbol : symbols) {
    symbol.file = file;
    auto is_orphan = run_script<std::int64_t>(db, sql, symbol);
    if (!is_orphan)
      return is_orphan.error();
    if (*is_orphan != 0)
      return no_parent(symbol);
  }
  return {};
}

/// Gives the children in other files the parent that has that id now.
result<void> adopt(
  connection& db, std::string_view project_id,
  const std::vector<foreign_child>& children) {
  static const script sql{find_section("code_adopt_child")};
  for (const auto& child : children) {
    adoption row{project_id, child.symbol, child.parent_id};
    if (auto done = run_script<void>(db, sql, row); !done)
      return done;
  }
  return {};
}

result<void> replace_file(connection& db, const file_rows& rows) {
  static const script find_project{find_section("code_find_project")};
  static const script upsert{find_section("code_replace_file")};
  static const script find_children{find_section("code_foreign_children")};
  static const script clear{find_section("code_delete_symbols")};
  if (auto known = run_on_project(db, find_project, rows.file); !known)
    return known;
  auto file = run_script<std::int64_t>(db, upsert, rows.file);
  if (!file)
    return file.error();
  auto children =
    run_script<std::vector<foreign_child>>(db, find_children, file_key{*file});
  if (!children)
    return children.error();
  if (auto done = run_script<void>(db, clear, file_key{*file}); !done)
    return done;
  if (auto done = insert_symbols(db, *file, rows.symbols); !done)
    return done;
  return adopt(db, rows.file.project_id, *children);
}

} // namespace

std::function<result<void>(connection&)>
lay_out(const code_index_file& params) {
  return [rows = to_rows(params)](connection& db) -> result<void> {
    if (!rows)
      return rows.error();
    return replace_file(db, *rows);
  };
}

std::function<result<void>(connection&)>
lay_out(const code_set_project_status& params) {
  return [&params](connection& db) {
    static const script sql{find_section("code_set_project_status")};
    return run_on_project(db, sql, params);
  };
}

std::function<result<void>(connection&)>
lay_out(const code_update_language_stats& params) {
  return [&params](connection& db) {
    static const script sql{find_section("code_update_language_stats")};
    return run_on_project(db, sql, params);
  };
}

result<std::vector<code_hit>>
run_search(connection& db, const code_search& params) {
  static const auto sql = load_search("code_search");
  return search<code_hit>(db, sql, params);
}

} // namespace dbproxy
