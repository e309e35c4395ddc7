#include "app/commands/remembrances/document_import.hpp"

#include "app/commands/command.hpp"
#include "app/commands/progress_bar.hpp"
#include "app/commands/remembrances/crew.hpp"
#include "app/commands/remembrances/document_work.hpp"
#include "app/commands/remembrances/embedder.hpp"
#include "app/commands/remembrances/report.hpp"
#include "app/commands/remembrances/writes.hpp"
#include "app/commands/stop_watch.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <utility>

namespace dbproxy {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 6> document_extensions{
  ".md", ".markdown", ".txt", ".rst", ".adoc", ".text"};

bool is_document(const fs::path& path) {
  auto extension = path.extension().string();
  std::transform(
    extension.begin(), extension.end(), extension.begin(),
    [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(
           document_extensions.begin(), document_extensions.end(), extension)
         != document_extensions.end();
}

class document_import {
public:
  document_import(
    const import_request& request, querier db, std::string folder,
    std::stop_token stop)
    : request_(request),
      db_(std::move(db)),
      stop_(std::move(stop)) {
    settings_.chunk_bytes =
      static_cast<std::int64_t>(request.sizes.chunk_bytes);
    settings_.overlap_bytes =
      static_cast<std::int64_t>(request.sizes.overlap_bytes);
    settings_.embedder = request.embedder;
    settings_.imported_from = std::move(folder);
  }

  result<write_counts> run() {
    for (auto step :
         {&document_import::list_known, &document_import::list_found,
          &document_import::compare, &document_import::write,
          &document_import::delete_vanished})
      if (auto done = (this->*step)(); !done)
        return done.error();
    return std::move(counts_);
  }

private:
  result<void> list_known() {
    auto documents = db_.call(kb_list_documents{});
    if (!documents)
      return documents.error();
    for (auto& one : *documents)
      known_.emplace(std::move(one.file_path), std::move(one.metadata));
    return {};
  }

  result<void> list_found() {
    auto found = list_folder(settings_.imported_from, {is_document, {}});
    if (!found)
      return found.error();
    found_ = std::move(*found);
    counts_.files = static_cast<std::int64_t>(found_.paths.size());
    counts_.skipped = std::move(found_.skipped);
    return {};
  }

  result<void> compare() {
    progress_bar bar{"files compared", found_.paths.size()};
    for (const auto& path : found_.paths) {
      if (stop_.stop_requested())
        return stopped_error();
      bar.advance(1);
      auto text = read_document(path);
      if (!text) {
        counts_.skipped.push_back({path, text.error().message});
        continue;
      }
      auto known = known_.find(path);
      auto now =
        document_metadata(settings_, text->sha256, text->content.size());
      if (known != known_.end() && known->second == now)
        ++counts_.unchanged;
      else
        changed_.push_back({{path, {}}});
    }
    return {};
  }

  result<void> write() {
    std::optional<embedder> vectors;
    if (request_.embedder)
      vectors.emplace(*request_.embedder, stop_);
    progress_bar bar{"documents written", changed_.size()};
    crew_plan plan;
    plan.items = std::move(changed_);
    plan.jobs = request_.jobs;
    plan.embed = embed_with(vectors);
    plan.here = document_work(settings_, {db_, plan.embed, stop_});
    plan.worker_arguments = {"--log-level", request_.log_level,
                             "kb",          "import-worker",
                             "--db",        request_.database};
    plan.settings = encode(settings_);
    plan.on_report = [&](const work_report& report) {
      bar.advance(report.size());
      for (const auto& one : report)
        counts_.add(one, known_.contains(one.path));
    };
    plan.stop = stop_;
    return run_crew(plan);
  }

  /// What an earlier import of this folder has written and is there no more.
  result<void> delete_vanished() {
    for (const auto& [path, metadata] : known_) {
      const auto* from = metadata.if_contains("imported_from");
      auto ours = from != nullptr && from->is_string()
                  && from->get_string() == settings_.imported_from;
      if (!ours || is_there(path))
        continue;
      if (stop_.stop_requested())
        return stopped_error();
      if (auto done = write_surely(db_, kb_delete_document{path}, stop_); done)
        ++counts_.deleted;
      else
        counts_.failed.push_back({path, to_string(done.error())});
    }
    return {};
  }

  bool is_there(const std::string& path) const {
    return std::binary_search(found_.paths.begin(), found_.paths.end(), path)
           || found_.may_hold(path);
  }

  const import_request& request_;
  querier db_;
  std::stop_token stop_;
  document_settings settings_;
  std::map<std::string, boost::json::object> known_;
  folder_files found_;
  std::vector<work_item> changed_;
  write_counts counts_;
};

} // namespace

int import_documents(const import_request& request) {
  auto folder = canonical_folder(request.folder);
  if (!folder)
    return print_error(folder.error());
  stop_watch watch;
  return with_database(request.database, [&](const querier& db) {
    auto counts =
      document_import{request, db, std::move(*folder), watch.token()}.run();
    if (!counts)
      return print_error(counts.error());
    return print_summary(std::move(*counts), "chunks");
  });
}

} // namespace dbproxy
