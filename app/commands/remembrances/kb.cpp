// dbproxy kb: imports, searches and lists documents of the knowledge base.
#include "app/commands/command.hpp"
#include "app/commands/remembrances/document_import.hpp"
#include "app/commands/remembrances/document_work.hpp"
#include "app/commands/remembrances/listing.hpp"
#include "messages/knowledge_base.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <utility>

namespace dbproxy {

namespace {

int search(const std::string& database, const listing_request& request) {
  return with_query(database, request, [&](const querier& db, auto embedding) {
    text_table table{
      {{"score", shown_part::front, true},
       {"file", shown_part::back},
       {"chunk", shown_part::front, true},
       {"content"}}};
    auto hits =
      db.call(kb_search{request.query, std::move(embedding), request.limit});
    return print_rows(
      hits, request.as_json, std::move(table), [](const kb_hit& hit) {
        return std::vector<std::string>{
          shown_score(hit.score), hit.file_path,
          std::to_string(hit.chunk_index), hit.content};
      });
  });
}

int list(const std::string& database, bool as_json) {
  return with_database(database, [&](const querier& db) {
    text_table table{
      {{"file", shown_part::back},
       {"bytes", shown_part::front, true},
       {"chunks", shown_part::front, true},
       {"updated"}}};
    return print_rows(
      db.call(kb_list_documents{}), as_json, std::move(table),
      [](const kb_document_summary& one) {
        return std::vector<std::string>{
          one.file_path, std::to_string(one.content_bytes),
          std::to_string(one.chunk_count), shown_time(one.updated_at)};
      });
  });
}

void add_kb_import(CLI::App& kb, program& main) {
  auto* command = kb.add_subcommand(
    "import", "Write the Markdown and text files below a folder");
  auto request = std::make_shared<import_request>();
  add_database(*command, main);
  command->add_option("DIR", request->folder, "The folder")->required();
  auto& sizes = request->sizes;
  command
    ->add_option(
      "--chunk-bytes", sizes.chunk_bytes, "The most bytes of a chunk")
    ->check(CLI::Range(chunk_bytes_min, chunk_bytes_max))
    ->type_name("N")
    ->capture_default_str();
  command
    ->add_option(
      "--overlap-bytes", sizes.overlap_bytes,
      "How much a chunk repeats of the one before; at most half a chunk")
    ->check(CLI::Range(std::size_t{0}, chunk_bytes_max / 2))
    ->type_name("N")
    ->capture_default_str();
  add_jobs(*command, request->jobs);
  add_embedder(*command, request->embedder);
  command->callback([&main, request] {
    if (request->sizes.overlap_bytes > request->sizes.chunk_bytes / 2)
      throw CLI::ValidationError{
        "--overlap-bytes", "more than half of --chunk-bytes"};
    main.run = [&main, request] {
      request->database = main.database;
      request->log_level = main.log_level;
      return import_documents(*request);
    };
  });
}

void add_kb_import_worker(CLI::App& kb, program& main) {
  auto* command = kb.add_subcommand(
    "import-worker", "Write the files named on standard input");
  command->group(""); // not in the list of commands
  add_database(*command, main);
  command->callback([&main] {
    main.run = [&main] {
      return run_worker(
        main.database,
        [](const boost::json::value& told, worker_tools tools)
          -> result<work_function> {
          auto settings = decode<document_settings>(told);
          if (!settings)
            return settings.error();
          return document_work(std::move(*settings), std::move(tools));
        });
    };
  });
}

void add_kb_search(CLI::App& kb, program& main) {
  auto* command = kb.add_subcommand("search", "Find the best chunks");
  auto request = std::make_shared<listing_request>();
  add_database(*command, main);
  add_search(*command, *request);
  command->callback([&main, request] {
    main.run = [&main, request] { return search(main.database, *request); };
  });
}

void add_kb_list(CLI::App& kb, program& main) {
  auto* command = kb.add_subcommand("list", "List the documents");
  auto as_json = std::make_shared<bool>(false);
  add_database(*command, main);
  add_json(*command, *as_json);
  command->callback([&main, as_json] {
    main.run = [&main, as_json] { return list(main.database, *as_json); };
  });
}

} // namespace

void add_kb(CLI::App& app, program& main) {
  auto* kb = app.add_subcommand("kb", "The knowledge base: documents");
  kb->require_subcommand(1);
  for (auto add :
       {add_kb_import, add_kb_import_worker, add_kb_search, add_kb_list})
    add(*kb, main);
}

} // namespace dbproxy
