#include "app/commands/remembrances/symbols.hpp"

#include "app/commands/sha256.hpp"
#include "app/commands/text.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <numeric>
#include <utility>

namespace dbproxy {

namespace {

// Hexadecimal digits of an id.
constexpr std::size_t id_digits = 32;
// How languages join a scope and a name: "::", ".", and "" of Markdown.
constexpr std::size_t separator_bytes_max = 2;

/// Where each line of a text begins, and the end of the text.
class line_table {
public:
  explicit line_table(std::string_view text) : text_(text), begins_{0} {
    for (std::size_t at = 0; at < text.size(); ++at)
      if (text[at] == '\n' && at + 1 < text.size())
        begins_.push_back(at + 1);
  }

  /// Lines count from 1.
  std::size_t count() const { return text_.empty() ? 0 : begins_.size(); }

  std::size_t begin_of(std::size_t line) const { return begins_[line - 1]; }

  /// Where the text of a line ends, without the line's end.
  std::size_t end_of(std::size_t line) const {
    if (line < begins_.size())
      return begins_[line] - 1;
    return text_.ends_with('\n') ? text_.size() - 1 : text_.size();
  }

private:
  std::string_view text_;
  std::vector<std::size_t> begins_;
};

bool joins(std::string_view text) {
  return text.size() <= separator_bytes_max
         && std::none_of(text.begin(), text.end(), [](unsigned char c) {
              return std::isalnum(c) != 0 || c == '_';
            });
}

/// `scope` with its names joined by '/', where no symbol of the file tells how
/// they are joined.
std::string path_of_scope(std::string_view scope) {
  std::string path;
  while (!scope.empty()) {
    if (scope.starts_with("::") || scope.starts_with("\"\"")) {
      path += '/';
      scope.remove_prefix(2);
    } else {
      path += scope[0] == '.' ? '/' : scope[0];
      scope.remove_prefix(1);
    }
  }
  return path;
}

/// Makes the symbols of one file. The scope of a tag is the scope and the name
/// of its parent, joined in the language's way; a parent's scope is therefore
/// shorter, and parents come first where tags are in the order of that length.
class symbol_maker {
public:
  symbol_maker(
    const std::string& file_path, std::string_view content,
    const std::vector<ctags_tag>& tags)
    : file_path_(file_path),
      content_(content),
      lines_(content),
      tags_(tags) {}

  std::vector<new_code_symbol> run() {
    std::vector<std::size_t> order(tags_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
      return tags_[a].scope.size() < tags_[b].scope.size();
    });
    for (auto index : order)
      if (static_cast<std::size_t>(tags_[index].line) <= lines_.count())
        make(tags_[index]);
    return std::move(symbols_);
  }

private:
  /// A symbol that others may lie in.
  struct made {
    const ctags_tag* tag;
    std::size_t symbol;
  };

  void make(const ctags_tag& tag) {
    new_code_symbol one;
    one.symbol_type = tag.kind;
    one.name = tag.name;
    one.name_path = tag.name;
    const auto* parent = tag.scope.empty() ? nullptr : parent_of(tag);
    if (parent != nullptr) {
      const auto& above = symbols_[parent->symbol];
      one.parent_id = above.id;
      one.name_path = above.name_path + "/" + tag.name;
    } else if (!tag.scope.empty()) {
      one.name_path = path_of_scope(tag.scope) + "/" + tag.name;
    }
    place(tag, one);
    if (!tag.signature.empty())
      one.signature = tag.signature;
    one.id = id_of(one);
    by_name_[tag.name].push_back({&tag, symbols_.size()});
    symbols_.push_back(std::move(one));
  }

  void place(const ctags_tag& tag, new_code_symbol& one) {
    auto first = static_cast<std::size_t>(tag.line);
    auto last =
      std::clamp(static_cast<std::size_t>(tag.end_line), first, lines_.count());
    auto begin = lines_.begin_of(first);
    auto end = std::max(lines_.end_of(last), begin);
    one.start_line = tag.line;
    one.end_line = static_cast<std::int64_t>(last);
    one.start_byte = static_cast<std::int64_t>(begin);
    one.end_byte = static_cast<std::int64_t>(end);
    auto source =
      utf8_prefix(content_.substr(begin, end - begin), symbol_source_bytes_max);
    if (sources_bytes_ + source.size() > file_sources_bytes_max)
      return;
    sources_bytes_ += source.size();
    one.source_code = std::string{source};
  }

  /// The innermost symbol around `tag` that its scope names; if none is around
  /// it, one that its scope names.
  const made* parent_of(const ctags_tag& tag) const {
    const made* best = nullptr;
    // Every suffix of the scope that can be a name.
    for (std::size_t at = 0; at < tag.scope.size(); ++at) {
      auto found = by_name_.find(std::string_view{tag.scope}.substr(at));
      if (found == by_name_.end())
        continue;
      for (const auto& one : found->second)
        if (is_scope(*one.tag, tag.scope) && is_better(one, best, tag))
          best = &one;
    }
    return best;
  }

  static bool is_scope(const ctags_tag& outer, std::string_view scope) {
    auto around = scope.substr(0, scope.size() - outer.name.size());
    if (outer.scope.empty())
      return around.empty();
    return around.starts_with(outer.scope)
           && joins(around.substr(outer.scope.size()));
  }

  static bool
  is_better(const made& one, const made* best, const ctags_tag& tag) {
    auto around = [&](const made& other) {
      return other.tag->line <= tag.line && tag.line <= other.tag->end_line;
    };
    if (best == nullptr || around(one) != around(*best))
      return best == nullptr || around(one);
    return around(one) && one.tag->line > best->tag->line;
  }

  std::string id_of(const new_code_symbol& one) {
    auto key = file_path_ + '\0' + one.name_path + '\0' + one.symbol_type + '\0'
               + std::to_string(one.start_line);
    auto ordinal = ordinals_[key]++;
    return sha256_of(key + '\0' + std::to_string(ordinal)).substr(0, id_digits);
  }

  const std::string& file_path_;
  std::string_view content_;
  line_table lines_;
  const std::vector<ctags_tag>& tags_;
  std::vector<new_code_symbol> symbols_;
  std::map<std::string, std::vector<made>, std::less<>> by_name_;
  std::map<std::string, int> ordinals_;
  std::size_t sources_bytes_ = 0;
};

} // namespace

std::vector<new_code_symbol> symbols_of(
  const std::string& file_path, std::string_view content,
  const std::vector<ctags_tag>& tags) {
  return symbol_maker{file_path, content, tags}.run();
}

} // namespace dbproxy
