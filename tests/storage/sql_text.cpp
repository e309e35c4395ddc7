// The embedded SQL: sections, statements, migrations.
#define CAF_SUITE storage_sql_text
#include "storage/sql_text.hpp"

#include "messages/catalogue.hpp"
#include "storage/code_index.hpp"
#include "storage/knowledge_base.hpp"
#include "storage/memory_events.hpp"
#include "temp_database.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

/// A method that is a function with SQL of its own names.
template <class M>
concept is_native = requires(const M& params) {
  lay_out(params);
}
|| requires(connection& db, const M& params) {
  run_search(db, params);
};

} // namespace

CAF_TEST(a text is split at the lines that name a section) {
  auto sections = split_sections("-- about the file\n"
                                 "-- name: First\n"
                                 "SELECT 'a -- name: no line of its own';\n"
                                 "\n"
                                 "-- name:Second \r\n"
                                 "  SELECT 2;\n"
                                 "-- name: Empty");
  CAF_REQUIRE_EQUAL(sections.size(), 3u);
  CAF_CHECK_EQUAL(sections[0].name, "First");
  CAF_CHECK_EQUAL(sections[0].text, "SELECT 'a -- name: no line of its own';");
  CAF_CHECK_EQUAL(sections[1].name, "Second");
  CAF_CHECK_EQUAL(sections[1].text, "SELECT 2;");
  CAF_CHECK_EQUAL(sections[2].name, "Empty");
  CAF_CHECK_EQUAL(sections[2].text, "");
  CAF_CHECK(split_sections("SELECT 1;").empty());
  CAF_CHECK(split_sections("").empty());
}

CAF_TEST(statements end at the semicolons that end statements) {
  using texts = std::vector<std::string>;
  CAF_CHECK_EQUAL(
    split_statements("SELECT 1; SELECT 2"), (texts{"SELECT 1;", "SELECT 2"}));
  CAF_CHECK_EQUAL(
    split_statements("-- a; comment\nSELECT ';' /* ; */; -- the end;"),
    (texts{"SELECT ';' /* ; */;"}));
  CAF_CHECK_EQUAL(
    split_statements("CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1;"
                     " SELECT 2; END; SELECT 3;"),
    (texts{
      "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END;",
      "SELECT 3;"}));
  CAF_CHECK(split_statements(" /* never closed").empty());
  CAF_CHECK(split_statements("").empty());
}

CAF_TEST(semicolons and brackets survive the embedding) {
  CAF_CHECK(contains(find_section("CreateSession"), "RETURNING *;"));
  CAF_CHECK_EQUAL(find_section("NoSuchSection"), "");
  for (const auto& file : sql_files())
    CAF_CHECK(contains(file.text, ";\n"));
}

CAF_TEST(section names are unique) {
  std::set<std::string_view> names;
  for (const auto& section : all_sections()) {
    CAF_CHECK(names.insert(section.name).second);
    CAF_CHECK(!section.text.empty());
  }
}

CAF_TEST(every method has its SQL and its SQL fits its structs) {
  method_fixture fixture;
  for_each_method([&](auto identity) {
    using method_type = typename decltype(identity)::type;
    CAF_MESSAGE(std::string{method_type::spec.name});
    if constexpr (!is_native<method_type>) {
      auto statements = split_statements(find_section(method_type::spec.name));
      CAF_CHECK(!statements.empty());
      std::set<std::string> bound;
      for (const auto& text : statements) {
        auto prepared = must(fixture.db.prepare(text));
        must(bind_members(prepared, method_type{}));
        for (int i = 1; i <= prepared.parameter_count(); ++i)
          bound.emplace(prepared.parameter_name(i));
      }
      for_each_member<method_type>([&](std::string name, auto) {
        CAF_CHECK(bound.contains(name)); // no parameter is ignored
      });
    } else
      CAF_CHECK(find_section(method_type::spec.name).empty());
  });
}

CAF_TEST(every section with a method name belongs to a method) {
  std::set<std::string> names;
  for_each_method(
    [&](auto identity) { names.emplace(decltype(identity)::type::spec.name); });
  for (const auto& section : all_sections())
    if (section.name.front() >= 'A' && section.name.front() <= 'Z')
      CAF_CHECK(names.contains(std::string{section.name}));
}

CAF_TEST(migrations are numbered from one without a gap) {
  int version = 0;
  for (const auto& step : migrations()) {
    CAF_CHECK_EQUAL(step.version, ++version);
    CAF_CHECK(!step.name.empty());
  }
  CAF_CHECK_EQUAL(migrations().front().name, "querier");
  CAF_CHECK_EQUAL(newest_schema_version(), version);
}
