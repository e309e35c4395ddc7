#include "app/commands/remembrances/source_work.hpp"

#include "app/commands/remembrances/symbols.hpp"
#include "app/commands/remembrances/writes.hpp"
#include "app/commands/text.hpp"
#include "messages/code_index.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace dbproxy {

namespace {

using tag_map = std::map<std::string, std::vector<ctags_tag>>;

// Symbols whose vectors are asked for in one message; each text is at most
// twice symbol_source_bytes_max.
constexpr std::size_t embedded_symbols_max = 32;

/// What of a symbol is turned into its vector.
std::string embedded_text(const new_code_symbol& one) {
  auto heading =
    one.symbol_type + " " + one.name_path + one.signature.value_or("");
  return std::string{utf8_prefix(heading, symbol_source_bytes_max)} + "\n"
         + one.source_code.value_or("");
}

class source_writer {
public:
  source_writer(source_settings settings, worker_tools tools)
    : settings_(std::move(settings)),
      tools_(std::move(tools)),
      ctags_(settings_.ctags) {}

  result<work_report> operator()(const work_item& item) const {
    // Read before ctags does: if a file changes in between, its hash is that
    // of the earlier content, and the next run takes it up again.
    work_report report;
    std::map<std::string, file_text> texts;
    std::vector<std::string> paths;
    for (const auto& file : item)
      if (auto text = read_source(file.path)) {
        texts.emplace(file.path, std::move(*text));
        paths.push_back(file.path);
      } else {
        report.push_back({file.path, 0, text.error().message, {}});
      }
    auto tags = ctags_.tags(paths, tools_.stop);
    if (!tags && paths.size() > 1)
      return one_by_one(item);
    for (const auto& file : item) {
      auto text = texts.find(file.path);
      if (text == texts.end())
        continue;
      if (!tags) {
        if (tools_.stop.stop_requested())
          return tags.error();
        report.push_back({file.path, 0, tags.error().message, {}});
        continue;
      }
      auto one = write(file, text->second, (*tags)[file.path]);
      if (!one)
        return one.error();
      report.push_back(std::move(*one));
    }
    return report;
  }

private:
  /// So that a file on which ctags fails is the only one that is skipped.
  result<work_report> one_by_one(const work_item& item) const {
    work_report all;
    for (const auto& file : item) {
      auto report = (*this)({file});
      if (!report)
        return report;
      all.insert(all.end(), report->begin(), report->end());
    }
    return all;
  }

  result<file_report> write(
    const work_file& file, const file_text& text,
    const std::vector<ctags_tag>& tags) const {
    code_index_file params;
    params.project_id = settings_.project_id;
    params.root_path = settings_.root_path;
    params.file_path = path_below(settings_.root_path, file.path);
    params.language = file.language;
    params.file_hash = text.sha256;
    params.symbols = symbols_of(params.file_path, text.content, tags);
    if (settings_.embedded)
      if (auto done = embed(params.symbols); !done)
        return done.error();
    auto done = check_message_size(params);
    if (done)
      done = write_surely(tools_.db, params, tools_.stop);
    file_report report;
    report.path = file.path;
    if (done)
      report.parts = static_cast<std::int64_t>(params.symbols.size());
    else if (done.error().code == error_code::invalid_params)
      report.skipped = done.error().message;
    else
      report.failed = to_string(done.error());
    return report;
  }

  result<void> embed(std::vector<new_code_symbol>& symbols) const {
    for (std::size_t at = 0; at < symbols.size(); at += embedded_symbols_max) {
      auto last = std::min(at + embedded_symbols_max, symbols.size());
      std::vector<std::string> texts;
      for (auto i = at; i < last; ++i)
        texts.push_back(embedded_text(symbols[i]));
      auto vectors = tools_.embed(texts);
      if (!vectors)
        return vectors.error();
      if (vectors->size() != texts.size())
        return make_error(
          error_code::internal,
          "the number of vectors is not that of the texts");
      for (auto i = at; i < last; ++i)
        symbols[i].embedding = std::move((*vectors)[i - at]);
    }
    return {};
  }

  source_settings settings_;
  worker_tools tools_;
  ctags ctags_;
};

} // namespace

std::string path_below(const std::string& root, const std::string& path) {
  return path.substr(root == "/" ? 1 : root.size() + 1);
}

result<file_text> read_source(const std::string& path) {
  if (!ctags_can_read(path))
    return make_error(
      error_code::invalid_params,
      "ctags reads no name with a line end, or with a blank at its end");
  return read_text(path, source_bytes_max);
}

work_function source_work(source_settings settings, worker_tools tools) {
  return source_writer{std::move(settings), std::move(tools)};
}

} // namespace dbproxy
