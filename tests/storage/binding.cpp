// Binding described structs by name and reading them by name.
#define CAF_SUITE storage_binding
#include "storage/binding.hpp"

#include "storage/script.hpp"
#include "temp_database.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct every_type {
  std::string text;
  std::int64_t integer = 0;
  double real = 0;
  bool flag = false;
  std::vector<float> floats;
  boost::json::object object;
  boost::json::value any;
  std::optional<std::string> maybe_text;
  std::optional<std::int64_t> maybe_integer;
  std::optional<std::vector<float>> maybe_floats;
};
BOOST_DESCRIBE_STRUCT(
  every_type, (),
  (text, integer, real, flag, floats, object, any, maybe_text, maybe_integer,
   maybe_floats))

struct base_record {
  std::int64_t a = 0;
};
BOOST_DESCRIBE_STRUCT(base_record, (), (a))

struct derived_record : base_record {
  std::optional<std::string> b;
};
BOOST_DESCRIBE_STRUCT(derived_record, (base_record), (b))

struct no_params {};
BOOST_DESCRIBE_STRUCT(no_params, (), ())

struct limit_params {
  std::int64_t limit = 0;
};
BOOST_DESCRIBE_STRUCT(limit_params, (), (limit))

constexpr auto echo =
  "SELECT :text AS text, :integer AS integer, :real AS real, :flag AS flag,"
  " :floats AS floats, :object AS object, :any AS any,"
  " :maybe_text AS maybe_text, :maybe_integer AS maybe_integer,"
  " :maybe_floats AS maybe_floats";

struct fixture {
  /// What comes back when `params` are bound and selected again.
  std::string echoed(const every_type& params) {
    auto back = must(run_script<every_type>(db, script{echo}, params));
    return encode_text(back);
  }

  template <class R>
  result<R> select(std::string_view sql) {
    return run_script<R>(db, script{sql}, no_params{});
  }

  temp_database files;
  connection db = files.open();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(binding_tests, fixture)

CAF_TEST(every type comes back as it was) {
  every_type full;
  full.text = std::string{"a\0b \xf0\x9f\x98\x80", 8};
  full.integer = std::numeric_limits<std::int64_t>::max();
  full.real = 0.1;
  full.flag = true;
  full.floats = {1.5F, -0.25F, std::numeric_limits<float>::max()};
  full.object = {{"k", {1, "two", nullptr}}};
  full.any = boost::json::array{1, 2};
  full.maybe_text = "";
  full.maybe_integer = std::numeric_limits<std::int64_t>::min();
  full.maybe_floats.emplace();
  CAF_CHECK_EQUAL(echoed(full), encode_text(full));
  every_type empty;
  CAF_CHECK_EQUAL(echoed(empty), encode_text(empty));
}

CAF_TEST(values have the storage classes that other tools expect) {
  every_type params;
  params.flag = true;
  params.floats = {1.0F};
  params.object = {{"k", 1}};
  auto sql = script{
    "SELECT typeof(:text) || ' ' || typeof(:integer) || ' ' || typeof(:real)"
    " || ' ' || typeof(:flag) || :flag || ' ' || hex(:floats) || ' ' ||"
    " typeof(:floats) || ' ' || typeof(:maybe_text) || ' ' || :object"};
  CAF_CHECK_EQUAL(
    must(run_script<std::string>(db, sql, params)),
    "text integer real integer1 0000803F blob null {\"k\":1}");
}

CAF_TEST(a text of a mebibyte is bound and read whole) {
  every_type params;
  params.text = std::string(1U << 20U, 'x');
  params.text[12345] = '\0';
  CAF_CHECK(echoed(params) == encode_text(params));
}

CAF_TEST(members of a base are bound and read too) {
  derived_record params;
  params.a = 5;
  params.b = "b";
  auto back = must(run_script<derived_record>(
    db, script{"SELECT :b AS b, :a AS a, 'more' AS c"}, params));
  CAF_CHECK_EQUAL(encode_text(back), R"({"a":5,"b":"b"})");
}

CAF_TEST(a parameter that is no member is named) {
  CAF_CHECK_EQUAL(
    failure(select<std::int64_t>("SELECT :wrong")),
    "INTERNAL: the SQL has the parameter :wrong, which is no member of the "
    "method's parameters");
  CAF_CHECK_EQUAL(
    failure(select<std::int64_t>("SELECT ?")),
    "INTERNAL: the SQL has a parameter without a name, number 1");
}

CAF_TEST(a column that is missing is named even without rows) {
  CAF_CHECK_EQUAL(
    failure(select<std::vector<base_record>>("SELECT 1 AS b WHERE 0")),
    "INTERNAL: the SQL does not return the column \"a\"");
  CAF_CHECK_EQUAL(
    failure(select<std::optional<derived_record>>("SELECT 1 AS a")),
    "INTERNAL: the SQL does not return the column \"b\"");
  CAF_CHECK_EQUAL(
    failure(select<std::int64_t>("CREATE TABLE t (x)")),
    "INTERNAL: the SQL does not return the column \"the first column\"");
}

CAF_TEST(a column whose value does not fit is named) {
  CAF_CHECK_EQUAL(
    failure(select<base_record>("SELECT NULL AS a")),
    "INTERNAL: the column \"a\" is NULL");
  CAF_CHECK_EQUAL(
    failure(select<std::int64_t>("SELECT NULL AS a")),
    "INTERNAL: the column \"a\" is NULL");
}

CAF_TEST(scalars and optionals and lists are read) {
  CAF_CHECK_EQUAL(must(select<std::int64_t>("SELECT 7")), 7);
  CAF_CHECK_EQUAL(must(select<std::string>("SELECT 'x'")), "x");
  CAF_CHECK_EQUAL(must(select<bool>("SELECT 2")), true);
  CAF_CHECK(must(select<std::optional<double>>("SELECT 1.5")) == 1.5);
  CAF_CHECK(!must(select<std::optional<double>>("SELECT NULL")));
  CAF_CHECK(!must(select<std::optional<double>>("SELECT 1 WHERE 0")));
  CAF_CHECK(!must(select<std::optional<base_record>>("SELECT 1 AS a LIMIT 0")));
  auto numbers =
    must(select<std::vector<std::int64_t>>("SELECT 1 UNION ALL SELECT 2"));
  CAF_CHECK_EQUAL(numbers, (std::vector<std::int64_t>{1, 2}));
}

CAF_TEST(the number of rows must be right) {
  CAF_CHECK_EQUAL(
    failure(select<std::int64_t>("SELECT 1 WHERE 0")),
    "INTERNAL: the SQL returned no row");
  CAF_CHECK_EQUAL(
    failure(
      select<std::optional<base_record>>("SELECT 1 AS a UNION ALL SELECT 2")),
    "INTERNAL: the SQL returned several rows");
  CAF_CHECK_EQUAL(failure(select<void>("")), "INTERNAL: the SQL is empty");
}

CAF_TEST(several statements run in order with the same parameters) {
  limit_params params{3};
  auto sql =
    script{"CREATE TABLE t (x); INSERT INTO t VALUES (:limit), (:limit + 1);"
           "SELECT sum(x) + :limit FROM t"};
  CAF_CHECK_EQUAL(must(run_script<std::int64_t>(db, sql, params)), 10);
}

CAF_TEST(a negative limit is refused before anything runs) {
  auto sql = script{"CREATE TABLE t (x); SELECT :limit"};
  CAF_CHECK_EQUAL(
    failure(run_script<std::int64_t>(db, sql, limit_params{-1})),
    "INVALID_PARAMS: field \"limit\" must not be negative, but is -1");
  CAF_CHECK_EQUAL(must(run_script<std::int64_t>(db, sql, limit_params{0})), 0);
}

CAF_TEST(JSON and floats that are none are named) {
  must(db.execute(
    "CREATE TABLE bad (text, integer, real, flag, floats, object, any,"
    " maybe_text, maybe_integer, maybe_floats)"));
  auto read = [this](std::string_view column, std::string_view value) {
    must(db.execute(
      "DELETE FROM bad; INSERT INTO bad (text, integer, real, flag, floats,"
      " object, any) VALUES ('', 0, 0, 0, x'', '{}', 'null'); UPDATE bad SET "
      + std::string{column} + " = " + std::string{value}));
    return failure(select<every_type>("SELECT * FROM bad"));
  };
  CAF_CHECK_EQUAL(
    read("floats", "x'000000'"),
    "INTERNAL: the column \"floats\" is no vector of 32-bit floats");
  CAF_CHECK_EQUAL(
    read("object", "'{'"), "INTERNAL: the column \"object\" is no JSON");
  CAF_CHECK_EQUAL(
    read("object", "'[]'"),
    "INTERNAL: the column \"object\" is no JSON object");
  CAF_CHECK_EQUAL(read("any", "''"), "INTERNAL: the column \"any\" is no JSON");
}

CAF_TEST_FIXTURE_SCOPE_END()
