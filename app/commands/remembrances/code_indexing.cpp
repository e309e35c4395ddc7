#include "app/commands/remembrances/code_indexing.hpp"

#include "app/commands/command.hpp"
#include "app/commands/progress_bar.hpp"
#include "app/commands/remembrances/crew.hpp"
#include "app/commands/remembrances/ctags.hpp"
#include "app/commands/remembrances/embedder.hpp"
#include "app/commands/remembrances/report.hpp"
#include "app/commands/remembrances/source_work.hpp"
#include "app/commands/remembrances/writes.hpp"
#include "app/commands/sha256.hpp"
#include "app/commands/stop_watch.hpp"
#include "messages/code_index.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

namespace dbproxy {

namespace fs = std::filesystem;

namespace {

// What one run of ctags is given.
constexpr std::size_t item_files_max = 16;
constexpr std::size_t item_bytes_max = 1U << 20U;
// Hexadecimal digits of a project id that is made from a folder.
constexpr std::size_t project_digits = 8;

std::int64_t unix_now() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

std::string name_of(const std::string& folder) {
  auto name = fs::path{folder}.filename().string();
  return name.empty() ? "root" : name;
}

class code_indexing {
public:
  code_indexing(
    const indexing_request& request, querier db, source_settings settings,
    std::stop_token stop)
    : request_(request),
      db_(std::move(db)),
      settings_(std::move(settings)),
      stop_(std::move(stop)),
      ctags_(settings_.ctags) {}

  result<write_counts> run() {
    if (auto begun = begin(); !begun)
      return begun.error();
    auto done = work();
    // Also what has stopped or failed is said.
    auto whole = done && counts_.failed.empty();
    auto ended = end(whole);
    if (!done)
      return done.error();
    if (!ended)
      return ended.error();
    return std::move(counts_);
  }

private:
  result<void> begin() {
    auto now = unix_now();
    auto name =
      request_.name.empty() ? name_of(settings_.root_path) : request_.name;
    return write_surely(
      db_,
      code_upsert_project{
        settings_.project_id, name, settings_.root_path, "indexing", now, now},
      stop_);
  }

  result<void> work() {
    for (auto step :
         {&code_indexing::list_known, &code_indexing::list_found,
          &code_indexing::compare, &code_indexing::write,
          &code_indexing::delete_vanished})
      if (auto done = (this->*step)(); !done)
        return done;
    return {};
  }

  result<void> end(bool whole) {
    auto counted = write_surely(
      db_, code_update_language_stats{settings_.project_id}, stop_);
    code_set_project_status status;
    status.project_id = settings_.project_id;
    status.status = whole && counted ? "indexed" : "failed";
    status.updated_at = unix_now();
    if (whole)
      status.last_indexed_at = status.updated_at;
    auto said = write_surely(db_, status, stop_);
    return counted ? said : counted;
  }

  result<void> list_known() {
    auto files = db_.call(code_list_files{settings_.project_id});
    if (!files)
      return files.error();
    for (auto& one : *files)
      known_.emplace(one.file_path, std::move(one));
    return {};
  }

  result<void> list_found() {
    auto any = [](const fs::path&) { return true; };
    auto found = list_folder(settings_.root_path, {any, request_.exclude});
    if (!found)
      return found.error();
    unread_ = std::move(*found);
    auto paths = std::exchange(unread_.paths, {});
    std::erase_if(paths, [&](const auto& path) {
      auto unnamed = !ctags_can_read(path);
      if (unnamed)
        unread_.skipped.push_back({path, read_source(path).error().message});
      return unnamed;
    });
    auto languages = ctags_.languages(paths, stop_);
    if (!languages)
      return languages.error();
    found_ = std::move(*languages);
    counts_.files = static_cast<std::int64_t>(found_.size());
    counts_.skipped = std::move(unread_.skipped);
    return {};
  }

  result<void> compare() {
    progress_bar bar{"files compared", found_.size()};
    std::size_t bytes = 0;
    for (const auto& [path, language] : found_) {
      if (stop_.stop_requested())
        return stopped_error();
      bar.advance(1);
      auto text = read_source(path);
      if (!text) {
        counts_.skipped.push_back({path, text.error().message});
        continue;
      }
      if (is_known(path, language, text->sha256)) {
        ++counts_.unchanged;
        continue;
      }
      bytes += text->content.size();
      if (
        changed_.empty() || changed_.back().size() == item_files_max
        || bytes > item_bytes_max) {
        changed_.emplace_back();
        bytes = text->content.size();
      }
      changed_.back().push_back({path, language});
      ++changed_files_;
    }
    return {};
  }

  bool is_known(
    const std::string& path, const std::string& language,
    const std::string& hash) const {
    auto known = known_.find(path_below(settings_.root_path, path));
    return known != known_.end() && known->second.file_hash == hash
           && known->second.language == language
           && known->second.root_path == settings_.root_path;
  }

  result<void> write() {
    std::optional<embedder> vectors;
    if (request_.embedder)
      vectors.emplace(*request_.embedder, stop_);
    progress_bar bar{"files indexed", changed_files_};
    crew_plan plan;
    plan.items = std::move(changed_);
    plan.jobs = request_.jobs;
    plan.embed = embed_with(vectors);
    plan.here = source_work(settings_, {db_, plan.embed, stop_});
    plan.worker_arguments = {"--log-level", request_.log_level,
                             "code",        "index-worker",
                             "--db",        request_.database};
    plan.settings = encode(settings_);
    plan.on_report = [&](const work_report& report) {
      bar.advance(report.size());
      for (const auto& one : report)
        counts_.add(
          one, known_.contains(path_below(settings_.root_path, one.path)));
    };
    plan.stop = stop_;
    return run_crew(plan);
  }

  result<void> delete_vanished() {
    for (const auto& [below, file] : known_) {
      auto path = (fs::path{settings_.root_path} / below).string();
      if (found_.contains(path) || unread_.may_hold(path))
        continue;
      if (stop_.stop_requested())
        return stopped_error();
      auto done =
        write_surely(db_, code_delete_file{settings_.project_id, below}, stop_);
      if (done)
        ++counts_.deleted;
      else
        counts_.failed.push_back({path, to_string(done.error())});
    }
    return {};
  }

  const indexing_request& request_;
  querier db_;
  source_settings settings_;
  std::stop_token stop_;
  ctags ctags_;
  std::map<std::string, code_file> known_;   ///< by the path below the root
  std::map<std::string, std::string> found_; ///< the languages, by path
  folder_files unread_;
  std::vector<work_item> changed_;
  std::size_t changed_files_ = 0;
  write_counts counts_;
};

result<source_settings> settings_for(const indexing_request& request) {
  auto program = ctags::find();
  if (!program)
    return program.error();
  auto folder = canonical_folder(request.folder);
  if (!folder)
    return folder.error();
  source_settings settings;
  settings.root_path = *folder;
  settings.project_id = request.project_id;
  if (settings.project_id.empty())
    settings.project_id =
      name_of(*folder) + "-" + sha256_of(*folder).substr(0, project_digits);
  settings.ctags = program->program();
  settings.embedded = request.embedder.has_value();
  return settings;
}

} // namespace

int index_sources(const indexing_request& request) {
  stop_watch watch;
  auto settings = settings_for(request);
  if (!settings)
    return print_error(settings.error());
  return with_database(request.database, [&](const querier& db) {
    auto counts = code_indexing{request, db, *settings, watch.token()}.run();
    if (!counts)
      return print_error(counts.error());
    return print_summary(
      std::move(*counts), "symbols", {{"project_id", settings->project_id}});
  });
}

} // namespace dbproxy
