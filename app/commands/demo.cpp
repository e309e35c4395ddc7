// dbproxy demo: four processes write the files of a folder into one database
// while a plain SQLite program takes the write lock now and then. At the end
// the database is held against what was acknowledged.
#include "app/commands/child_process.hpp"
#include "app/commands/command.hpp"
#include "app/commands/demo_files.hpp"
#include "app/commands/demo_table.hpp"
#include "app/commands/scratch_folder.hpp"
#include "messages/json_codec.hpp"
#include "messages/sessions.hpp"
#include "storage/integrity.hpp"
#include "storage/schema.hpp"
#include "transport/instance_directory.hpp"
#include "transport/leader_lock.hpp"

#include <CLI/CLI.hpp>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

namespace dbproxy {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t process_count = 4;
constexpr auto draw_interval = 100ms;
constexpr auto primary_wait = 10s;

template <method M>
std::string line_of(const M& params) {
  return json::serialize(
    json::object{{"method", M::spec.name}, {"params", encode(params)}});
}

/// One writing process: fed by one thread, read by another.
struct writer_process {
  explicit writer_process(child_process started) : child(std::move(started)) {}

  child_process child;
  json::object summary;
  std::thread feeder;
  std::thread reader;

  ~writer_process() {
    child.terminate();
    if (feeder.joinable())
      feeder.join();
    if (reader.joinable())
      reader.join();
  }
};

class demo_run {
public:
  demo_run(std::string database, file_selection input)
    : database_(std::move(database)),
      input_(std::move(input)) {}

  /// The faults found; empty where all is well.
  result<std::vector<std::string>> run() {
    if (auto started = start_all(); !started)
      return started.error();
    begun_ = clock::now();
    for (std::size_t i = 0; i < process_count; ++i)
      feed(i);
    // The primary stays until the others are done.
    watch_until([&] { return finished_ >= process_count - 1; });
    release_primary_ = true;
    release_primary_.notify_all();
    watch_until([&] { return finished_ >= process_count; });
    seconds_ = std::chrono::duration<double>(clock::now() - begun_).count();
    for (auto& one : writers_) {
      one->feeder.join();
      one->reader.join();
      if (one->child.wait() != succeeded)
        faults_.push_back("a writing process failed; its errors are above");
    }
    holder_->terminate();
    holder_->wait();
    table_.draw(true);
    if (auto verified = verify(); !verified)
      return verified.error();
    return faults_;
  }

  std::string conclusion() const {
    std::ostringstream out;
    out << table_.sum("acked") << " writes by " << process_count
        << " processes, " << table_.sum("direct") << " direct and "
        << table_.sum("forwarded") << " forwarded, in " << std::fixed
        << std::setprecision(2) << seconds_
        << " s: none was lost, and none failed with \"database is locked\".";
    return out.str();
  }

private:
  result<void> start_all() {
    if (auto first = start_writer("primary"); !first)
      return first;
    if (auto there = wait_for_primary(); !there)
      return there;
    auto holder = child_process::start({"hold-lock", "--db", database_});
    if (!holder)
      return holder.error();
    holder_ = std::make_unique<child_process>(std::move(*holder));
    std::string line;
    if (!holder_->read_line(line))
      return make_error(
        error_code::internal, "the lock-holding process did not start");
    // Its further lines fit into the pipe.
    while (writers_.size() < process_count)
      if (auto next = start_writer("secondary"); !next)
        return next;
    return {};
  }

  result<void> start_writer(const std::string& role) {
    auto child = child_process::start(
      {"load", "--db", database_, "--role", role, "--report", "100"});
    if (!child)
      return child.error();
    auto index = writers_.size();
    writers_.push_back(std::make_unique<writer_process>(std::move(*child)));
    auto& self = *writers_.back();
    self.reader = std::thread{[this, index, &self] {
      std::string line;
      while (self.child.read_line(line)) {
        auto figures = parse_json(line);
        if (!figures || !figures->is_object())
          continue;
        self.summary = figures->get_object();
        table_.update(index, self.summary);
      }
      ++finished_;
    }};
    return {};
  }

  result<void> wait_for_primary() {
    auto path = canonical_database_path(database_);
    if (!path)
      return path.error();
    auto until = clock::now() + primary_wait;
    while (clock::now() < until && writers_.front()->child.running()) {
      auto directory = instance_directory::find(*path);
      if (directory && *directory)
        if (auto primary = find_primary(**directory); primary && *primary)
          return {};
      std::this_thread::sleep_for(5ms);
    }
    return make_error(error_code::unreachable, "the primary did not start");
  }

  void feed(std::size_t index) {
    auto& self = *writers_[index];
    self.feeder = std::thread{[this, index, &self] {
      auto session = "demo-" + std::to_string(index);
      create_session first;
      first.id = session;
      first.title = "Files of process " + std::to_string(index);
      auto reading = self.child.write_line(line_of(first));
      for (auto i = index; reading && i < input_.files.size();
           i += process_count) {
        const auto& file = input_.files[i];
        auto id = std::to_string(i);
        auto parts = json::serialize(json::array{
          json::object{{"type", "text"}, {"text", "read " + file.path}}});
        reading =
          self.child.write_line(line_of(create_file{
            "file-" + id, session, file.path, file.content, file.sha256}))
          && self.child.write_line(line_of(
            create_message{"message-" + id, session, "assistant", parts, {}}));
      }
      if (index == 0)
        release_primary_.wait(false);
      self.child.close_input();
    }};
  }

  template <class Done>
  void watch_until(Done done) {
    while (!done()) {
      std::this_thread::sleep_for(draw_interval);
      table_.draw(false);
    }
  }

  std::int64_t acknowledged(std::string_view method) const {
    std::int64_t sum = 0;
    for (const auto& one : writers_)
      if (const auto* methods = one->summary.if_contains("methods"))
        if (const auto* count = methods->as_object().if_contains(method))
          sum += count->as_int64();
    return sum;
  }

  result<void> verify() {
    open_options options;
    options.path = database_;
    auto database = open_database(options);
    if (!database)
      return database.error();
    auto expect = [&](
                    std::string_view method, std::string_view table,
                    std::size_t asked) -> result<void> {
      auto count =
        database->prepare("SELECT count(*) FROM " + std::string{table});
      if (!count)
        return count.error();
      if (auto row = count->step(); !row)
        return row.error();
      auto rows = count->integer(0);
      auto acked = acknowledged(method);
      if (rows != acked || acked != static_cast<std::int64_t>(asked))
        faults_.push_back(
          std::string{table} + ": " + std::to_string(asked) + " asked for, "
          + std::to_string(acked) + " acknowledged, " + std::to_string(rows)
          + " there");
      return {};
    };
    auto files = input_.files.size();
    for (auto done :
         {expect("CreateSession", "sessions", process_count),
          expect("CreateFile", "files", files),
          expect("CreateMessage", "messages", files)})
      if (!done)
        return done;
    for (const auto& one : writers_)
      if (const auto* errors = one->summary.if_contains("errors"))
        for (const auto& [code, count] : errors->as_object())
          faults_.push_back(
            json::serialize(count) + " writes failed with "
            + std::string{code});
    auto found = find_faults(*database);
    if (!found)
      return found.error();
    faults_.insert(faults_.end(), found->begin(), found->end());
    return {};
  }

  std::string database_;
  file_selection input_;
  std::vector<std::unique_ptr<writer_process>> writers_;
  std::unique_ptr<child_process> holder_;
  demo_table table_{{"primary", "secondary 1", "secondary 2", "secondary 3"}};
  std::atomic<std::size_t> finished_{0};
  std::atomic<bool> release_primary_{false};
  std::vector<std::string> faults_;
  clock::time_point begun_;
  double seconds_ = 0;
};

int demo(const std::string& folder, const std::string& kept_database) {
  std::signal(SIGPIPE, SIG_IGN);
  auto scratch =
    scratch_folder::make(fs::temp_directory_path(), "dbproxy-demo");
  if (!scratch)
    return print_error(scratch.error());
  auto database = kept_database.empty() ? (scratch->path() / "demo.db").string()
                                        : kept_database;
  if (fs::exists(database))
    return print_error(make_error(
      error_code::conflict, database + " exists; the demo makes its own"));
  auto input = read_text_files(folder);
  if (!input)
    return print_error(input.error());
  std::cout << input->files.size() << " text files in " << folder << " ("
            << input->skipped << " others skipped); one primary, "
            << process_count - 1
            << " secondaries, and a plain SQLite program that takes the write "
               "lock for 100 to 300 ms now and then\n"
            << std::flush;
  demo_run work{database, std::move(*input)};
  auto faults = work.run();
  if (!faults)
    return print_error(faults.error());
  if (faults->empty()) {
    std::cout << work.conclusion() << '\n';
    return succeeded;
  }
  scratch->keep();
  for (const auto& fault : *faults)
    std::cout << fault << '\n';
  std::cout << "The database is kept: " << database << '\n';
  return failed;
}

} // namespace

void add_demo(CLI::App& app, program& main) {
  auto* command = app.add_subcommand(
    "demo", "Several processes write a folder's files into one database");
  auto folder = std::make_shared<std::string>();
  command->add_option(
    "DIR", *folder, "The folder; the project's own tree if left out");
  command
    ->add_option(
      "--db", main.database, "Keep the database, under this new name")
    ->type_name("PATH");
  command->callback([&main, folder] {
    main.run = [&main, folder] {
      auto chosen = *folder;
      if (chosen.empty())
        chosen =
          fs::is_directory(DBPROXY_SOURCE_DIR) ? DBPROXY_SOURCE_DIR : ".";
      return demo(chosen, main.database);
    };
  });
}

} // namespace dbproxy
