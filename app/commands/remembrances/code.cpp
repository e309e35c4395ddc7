// dbproxy code: indexes source trees, and finds their symbols.
#include "app/commands/command.hpp"
#include "app/commands/remembrances/code_indexing.hpp"
#include "app/commands/remembrances/listing.hpp"
#include "app/commands/remembrances/source_work.hpp"
#include "messages/code_index.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <utility>

namespace dbproxy {

namespace {

struct symbols_request {
  std::string project_id;
  std::string name;
  std::string file;
  bool as_json = false;
};

struct code_search_request {
  listing_request listing;
  std::string project_id;
};

/// The project that is meant: the one named, else the only one there is.
result<std::string>
project_of(const querier& db, const std::string& project_id) {
  if (!project_id.empty())
    return project_id;
  auto projects = db.call(code_list_projects{});
  if (!projects)
    return projects.error();
  if (projects->size() == 1)
    return projects->front().project_id;
  std::string ids;
  for (const auto& one : *projects)
    ids += (ids.empty() ? ": " : ", ") + one.project_id;
  return make_error(
    error_code::invalid_params,
    std::to_string(projects->size())
      + " projects are indexed, --project has to name one of them" + ids);
}

std::vector<table_column> symbol_columns() {
  return {
    {"symbol", shown_part::back},
    {"kind"},
    {"file", shown_part::back},
    {"lines", shown_part::front, true},
    {"source"}};
}

std::vector<std::string> symbol_texts(const code_symbol& one) {
  return {
    one.name_path, one.symbol_type, one.file_path,
    std::to_string(one.start_line) + "-" + std::to_string(one.end_line),
    one.source_code.value_or("")};
}

int search(const std::string& database, const code_search_request& request) {
  return with_query(
    database, request.listing, [&](const querier& db, auto embedding) {
      auto project = project_of(db, request.project_id);
      if (!project)
        return print_error(project.error());
      auto hits = db.call(code_search{
        *project, request.listing.query, std::move(embedding),
        request.listing.limit});
      auto columns = symbol_columns();
      columns.insert(columns.begin(), {"score", shown_part::front, true});
      return print_rows(
        hits, request.listing.as_json, text_table{columns},
        [](const code_hit& hit) {
          auto texts = symbol_texts(hit);
          texts.insert(texts.begin(), shown_score(hit.score));
          return texts;
        });
    });
}

int symbols(const std::string& database, const symbols_request& request) {
  return with_database(database, [&](const querier& db) {
    auto project = project_of(db, request.project_id);
    if (!project)
      return print_error(project.error());
    auto found = request.file.empty()
                   ? db.call(code_find_symbol{*project, request.name})
                   : db.call(code_file_symbols{*project, request.file});
    return print_rows(
      found, request.as_json, text_table{symbol_columns()}, symbol_texts);
  });
}

int projects(const std::string& database, bool as_json) {
  return with_database(database, [&](const querier& db) {
    text_table table{
      {{"project"},
       {"name"},
       {"status"},
       {"indexed"},
       {"languages"},
       {"root", shown_part::back}}};
    return print_rows(
      db.call(code_list_projects{}), as_json, std::move(table),
      [](const code_project& one) {
        return std::vector<std::string>{
          one.project_id,
          one.name,
          one.status,
          one.last_indexed_at ? shown_time(*one.last_indexed_at) : "-",
          boost::json::serialize(one.language_stats),
          one.root_path};
      });
  });
}

void add_project(CLI::App& command, std::string& project_id) {
  command
    .add_option(
      "--project", project_id, "The project; may be left out if there is one")
    ->type_name("ID");
}

void add_code_index(CLI::App& code, program& main) {
  auto* command =
    code.add_subcommand("index", "Index a source tree with universal-ctags");
  auto request = std::make_shared<indexing_request>();
  add_database(*command, main);
  command->add_option("DIR", request->folder, "The root of the tree")
    ->required();
  command
    ->add_option(
      "--project", request->project_id,
      "The project; made from the folder if left out")
    ->type_name("ID");
  command->add_option("--name", request->name, "What the project is called");
  command
    ->add_option(
      "--exclude", request->exclude,
      "Leave out what matches, by its name or its path below DIR; may be "
      "repeated")
    ->type_name("GLOB")
    ->expected(1)
    ->take_all();
  add_jobs(*command, request->jobs);
  add_embedder(*command, request->embedder);
  command->callback([&main, request] {
    main.run = [&main, request] {
      request->database = main.database;
      request->log_level = main.log_level;
      return index_sources(*request);
    };
  });
}

void add_code_index_worker(CLI::App& code, program& main) {
  auto* command = code.add_subcommand(
    "index-worker", "Index the files named on standard input");
  command->group(""); // not in the list of commands
  add_database(*command, main);
  command->callback([&main] {
    main.run = [&main] {
      return run_worker(
        main.database,
        [](const boost::json::value& told, worker_tools tools)
          -> result<work_function> {
          auto settings = decode<source_settings>(told);
          if (!settings)
            return settings.error();
          return source_work(std::move(*settings), std::move(tools));
        });
    };
  });
}

void add_code_search(CLI::App& code, program& main) {
  auto* command = code.add_subcommand("search", "Find the best symbols");
  auto request = std::make_shared<code_search_request>();
  add_database(*command, main);
  add_search(*command, request->listing);
  add_project(*command, request->project_id);
  command->callback([&main, request] {
    main.run = [&main, request] { return search(main.database, *request); };
  });
}

void add_code_symbols(CLI::App& code, program& main) {
  auto* command = code.add_subcommand(
    "symbols", "List the symbols of a name, or those of a file");
  auto request = std::make_shared<symbols_request>();
  add_database(*command, main);
  auto* name = command->add_option(
    "NAME", request->name, "A name, or a path of names: outer/inner");
  command
    ->add_option(
      "--file", request->file, "The file, by its path below the root")
    ->type_name("PATH")
    ->excludes(name);
  add_project(*command, request->project_id);
  add_json(*command, request->as_json);
  command->callback([&main, request] {
    if (request->name.empty() && request->file.empty())
      throw CLI::RequiredError{"NAME or --file"};
    main.run = [&main, request] { return symbols(main.database, *request); };
  });
}

void add_code_projects(CLI::App& code, program& main) {
  auto* command = code.add_subcommand("projects", "List the indexed projects");
  auto as_json = std::make_shared<bool>(false);
  add_database(*command, main);
  add_json(*command, *as_json);
  command->callback([&main, as_json] {
    main.run = [&main, as_json] { return projects(main.database, *as_json); };
  });
}

} // namespace

void add_code(CLI::App& app, program& main) {
  auto* code = app.add_subcommand("code", "The code index: files and symbols");
  code->require_subcommand(1);
  for (auto add :
       {add_code_index, add_code_index_worker, add_code_search,
        add_code_symbols, add_code_projects})
    add(*code, main);
}

} // namespace dbproxy
