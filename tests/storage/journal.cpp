// The journal: what it remembers of a write, when it forgets it, and how a
// resend is told from another write.
#define CAF_SUITE storage_journal
#include "storage/journal.hpp"

#include "messages/limits.hpp"
#include "messages/sessions.hpp"
#include "storage/methods.hpp"
#include "storage/scopes.hpp"
#include "storage/sql_text.hpp"
#include "temp_database.hpp"

#include <chrono>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct blob {
  std::string id;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(blob, (), (id, text))

struct no_params {};
BOOST_DESCRIBE_STRUCT(no_params, (), ())

struct fixture {
  write_ptr write_of(
    std::string_view method, std::string_view params, std::string request_id) {
    auto entry = must(methods.find(method, method_kind::write));
    auto json = must(parse_json(params));
    return must(prepare(
      entry, must(entry->params->decode(json)),
      {"instance", std::move(request_id), std::nullopt}));
  }

  /// Remembers a write that returns nothing.
  void record(std::string request_id) {
    auto write = write_of("DeleteFile", R"("f")", std::move(request_id));
    must(log.record(db, *write, boxed{}));
  }

  /// The request ids that the journal knows, oldest first.
  std::string known() {
    std::string joined;
    for (const auto& id :
         rows(db, "SELECT request_id FROM dbproxy_journal ORDER BY entry"))
      joined += (joined.empty() ? "" : " ") + id;
    return joined;
  }

  /// What a resend of a write returns after `value` was recorded for it.
  std::string replayed(const write_ptr& write, const boxed& value) {
    must(log.record(db, *write, value));
    auto entry = must(log.find(db, *write->request_id));
    CAF_REQUIRE(entry.has_value());
    auto again = must(log.replay(*entry, *write));
    return boost::json::serialize(write->returns->encode(again));
  }

  temp_database files;
  connection db = files.open();
  method_set methods;
  journal::clock::time_point now{std::chrono::hours{500'000}};
  journal log{[this] { return now; }};
};

std::string generated(int number) {
  auto digits = std::to_string(number);
  return "0123456789abcdef-" + std::string(12 - digits.size(), '0') + digits;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(journal_tests, fixture)

CAF_TEST(an entry tells all of its write) {
  CAF_CHECK(!must(log.find(db, "r")));
  auto write = write_of("IncrementSkillUsage", R"("k")", "r");
  CAF_CHECK_EQUAL(must(log.record(db, *write, boxed{})), 1);
  auto entry = must(log.find(db, "r"));
  CAF_REQUIRE(entry.has_value());
  CAF_CHECK_EQUAL(entry->entry, 1);
  CAF_CHECK_EQUAL(entry->method, "IncrementSkillUsage");
  CAF_CHECK_EQUAL(entry->fingerprint, write->fingerprint);
  CAF_CHECK_EQUAL(entry->result, "null");
  CAF_CHECK_EQUAL(
    row(
      db, "SELECT entry, request_id, source, method, result, committed_at"
          " FROM dbproxy_journal"),
    "1|r|instance|IncrementSkillUsage|null|1800000000000");
}

CAF_TEST(a request id is remembered once) {
  record("r");
  auto write = write_of("DeleteFile", R"("f")", "r");
  CAF_CHECK_EQUAL(
    failure(log.record(db, *write, boxed{})),
    "CONFLICT: UNIQUE constraint failed: dbproxy_journal.request_id");
}

CAF_TEST(a request id may be any text) {
  auto id = std::string{"\0 \xf0\x9f\x98\x80 '", 8};
  record(id);
  CAF_CHECK(must(log.find(db, id)).has_value());
  CAF_CHECK(!must(log.find(db, std::string{"\0", 1})));
  must(log.settle(db, {id}));
  CAF_CHECK(!must(log.find(db, id)));
}

CAF_TEST(a resend gets what the first sending got) {
  message full{
    "m",
    "s",
    "user",
    "[]",
    "large",
    -1,
    std::numeric_limits<std::int64_t>::max(),
    std::nullopt};
  auto create = write_of(
    "CreateMessage", R"({"id":"m","session_id":"s",
                         "role":"user","parts":"[]","model":"large"})",
    "1");
  CAF_CHECK_EQUAL(replayed(create, boxed::of(full)), encode_text(full));
  auto update = write_of(
    "UpdateSession", R"({"id":"s","title":"",
                         "prompt_tokens":0,"completion_tokens":0,"cost":0})",
    "2");
  CAF_CHECK_EQUAL(
    replayed(update, boxed::of(std::optional<session>{})), "null");
  auto remove = write_of("DeleteFile", R"("f")", "3");
  CAF_CHECK_EQUAL(replayed(remove, boxed{}), "null");
}

CAF_TEST(reals come back to the last bit) {
  auto run = [](connection&, const no_params&) -> result<double> {
    return 3.9252393092058475; // not every reader of JSON gets this one right
  };
  must(methods.add_write<no_params, double>("Real", "", {}, run));
  auto write = write_of("Real", "{}", "r");
  auto value = must(write->body(db));
  must(log.record(db, *write, value));
  auto entry = must(log.find(db, "r"));
  auto again = must(log.replay(entry.value(), *write));
  CAF_CHECK(again.as<double>() == value.as<double>());
}

CAF_TEST(long texts of the parameters are not stored again) {
  std::string parts(100'000, 'p');
  parts += "\xe6\xbc\xa2 \" \\ ";
  parts.push_back('\0');
  auto params = create_message{"m", "s", "user", parts, std::nullopt};
  auto entry = methods.find("CreateMessage");
  auto write =
    must(prepare(entry, boxed::of(params), {"", "request", std::nullopt}));
  message full{"m", "s", "user", parts, std::nullopt, 1, 2, std::nullopt};
  CAF_CHECK(replayed(write, boxed::of(full)) == encode_text(full));
  CAF_CHECK_EQUAL(
    row(db, "SELECT length(result) < 200 FROM dbproxy_journal"), "1");
}

CAF_TEST(a long text that the method changed is stored as it became) {
  auto run = [](connection&, const blob& params) -> result<blob> {
    return blob{params.id, params.text + "!"};
  };
  must(methods.add_write<blob, blob>("Change", "", {}, run));
  auto params = blob{std::string(70, 'i'), std::string(70, 't')};
  auto write = must(prepare(
    methods.find("Change"), boxed::of(params), {"", "r", std::nullopt}));
  auto value = must(write->body(db));
  CAF_CHECK_EQUAL(
    replayed(write, value), encode_text(blob{params.id, params.text + "!"}));
}

CAF_TEST(a list of rows is remembered as it is) {
  must(methods.add_write<blob, std::vector<blob>>(
    "Double", "", timeout_class::standard,
    "SELECT :id AS id, :text AS text UNION ALL SELECT 'b', 'c'"));
  auto params = blob{"a", std::string(100, 't')};
  auto write = must(prepare(
    methods.find("Double"), boxed::of(params), {"", "r", std::nullopt}));
  CAF_CHECK_EQUAL(
    replayed(write, must(write->body(db))),
    encode_text(std::vector<blob>{params, {"b", "c"}}));
}

CAF_TEST(a result that is too long is not remembered) {
  auto write = write_of("DeleteFile", R"("f")", "r");
  auto odd = *write;
  odd.returns = &codec_for<std::string>();
  auto value = boxed::of(std::string(limits::message_bytes_max, 'x'));
  CAF_CHECK_EQUAL(
    failure(log.record(db, odd, value)),
    "INTERNAL: the result has 16777218 bytes, more than message_bytes_max = "
    "16777216");
}

CAF_TEST(a request id that is used for another write is a conflict) {
  record("r");
  auto entry = must(log.find(db, "r"));
  CAF_REQUIRE(entry.has_value());
  for (const auto& other :
       {write_of("DeleteFile", R"("g")", "r"),
        write_of("DeleteMessage", R"("f")", "r")})
    CAF_CHECK_EQUAL(
      to_string(must_fail(log.replay(*entry, *other))),
      "CONFLICT: request_id reused for a different write (" + other->method
        + ")");
  must(log.replay(*entry, *write_of("DeleteFile", R"("f")", "r")));
}

CAF_TEST(an entry that makes no sense is an error and no result) {
  auto write = write_of(
    "CreateMessage", R"({"id":"m","session_id":"s",
                        "role":"user","parts":"[]"})",
    "r");
  journal_entry entry{7, write->method, write->fingerprint, ""};
  for (auto text :
       {"", "null", "{}", "[1]", R"({"$params":["parts"]})",
        R"({"$params":["absent"]})", R"({"$params":7})"}) {
    entry.result = text;
    CAF_CHECK_EQUAL(
      failure(log.replay(entry, *write)),
      "INTERNAL: the journal's entry 7 holds no result of this method");
  }
}

CAF_TEST(settling a generated id forgets its run up to its number) {
  auto other_run = "0123456789abcdee-000000000001";
  auto upper_case = "0123456789ABCDEF-000000000001";
  auto longer = generated(1) + "0";
  for (const auto& id :
       {generated(1), generated(2), generated(3), generated(10),
        std::string{other_run}, std::string{upper_case}, longer})
    record(id);
  must(log.settle(db, {generated(2)}));
  CAF_CHECK_EQUAL(
    known(), generated(3) + " " + generated(10) + " " + other_run + " "
               + upper_case + " " + longer);
  must(log.settle(db, {generated(9)}));
  CAF_CHECK_EQUAL(
    known(), generated(10) + " " + other_run + " " + upper_case + " " + longer);
  must(log.settle(db, {"0123456789abcdef-ffffffffffff"}));
  CAF_CHECK_EQUAL(
    known(), std::string{other_run} + " " + upper_case + " " + longer);
}

CAF_TEST(settling an id of another form forgets that one alone) {
  for (auto id :
       {"a", "b", "b1", "c", "0123456789ABCDEF-000000000001",
        "0123456789ABCDEF-000000000002"})
    record(id);
  must(log.settle(db, {"b"}));
  must(log.settle(db, {"absent"}));
  must(log.settle(db, {"0123456789ABCDEF-000000000002"}));
  CAF_CHECK_EQUAL(known(), "a b1 c 0123456789ABCDEF-000000000001");
}

CAF_TEST(many ids are settled at once in whatever order) {
  auto other = std::string{"fedcba9876543210-000000000007"};
  for (const auto& id :
       {generated(1), generated(2), generated(3), generated(4), other,
        std::string{"a"}, std::string{"b"}, std::string{"c"}})
    record(id);
  auto second = generated(2);
  auto third = generated(3);
  must(log.settle(db, {third, "c", second, other, "a", third}));
  CAF_CHECK_EQUAL(known(), generated(4) + " b");
  must(log.settle(db, {}));
  CAF_CHECK_EQUAL(known(), generated(4) + " b");
}

CAF_TEST(old entries are forgotten and young ones are not ) {
  must(log.prune(db));
  record("a");
  now += 1s;
  record("b");
  now += limits::journal_window - 1s;
  must(log.prune(db)); // "a" is as old as an entry may be
  CAF_CHECK_EQUAL(known(), "a b");
  now += 1ms;
  must(log.prune(db));
  CAF_CHECK_EQUAL(known(), "b");
  now += 1s;
  must(log.prune(db));
  CAF_CHECK_EQUAL(known(), "");
}

CAF_TEST(an entry outlives every deadline) {
  CAF_CHECK(limits::journal_window > limits::timeout_max);
}

CAF_TEST(pruning stops at the first young entry) {
  record("old");
  now += limits::journal_window + 1s;
  record("young");
  now -= limits::journal_window + 1s;
  record("behind"); // the clock was set back
  now += limits::journal_window + 1s;
  must(log.prune(db));
  CAF_CHECK_EQUAL(known(), "young behind");
}

CAF_TEST(pruning is due after a while or after many entries) {
  record("a");
  must(log.prune_if_due(db));
  now += limits::journal_window + 1s;
  must(log.prune_if_due(db));
  CAF_CHECK_EQUAL(known(), "");
  record("b");
  must(db.execute("UPDATE dbproxy_journal SET committed_at = 0"));
  must(log.prune_if_due(db)); // a moment after the last time
  CAF_CHECK_EQUAL(known(), "b");
  {
    auto transaction = must(immediate_transaction::begin(db));
    for (int i = 1; i < limits::journal_prune_rows_max / 2; ++i)
      record(std::to_string(i));
    must(transaction.commit());
  }
  must(log.prune_if_due(db));
  CAF_CHECK(known().find('b') == std::string::npos);
}

CAF_TEST(one pruning forgets a bounded number of entries) {
  auto more = 10;
  {
    auto transaction = must(immediate_transaction::begin(db));
    for (int i = 0; i < limits::journal_prune_rows_max + more; ++i)
      record(std::to_string(i));
    must(transaction.commit());
  }
  now += limits::journal_window + 1s;
  must(log.prune(db));
  CAF_CHECK_EQUAL(must(log.entries(db)), more);
  CAF_CHECK_EQUAL(
    row(db, "SELECT min(entry) FROM dbproxy_journal"),
    std::to_string(limits::journal_prune_rows_max + 1));
  must(log.prune(db));
  CAF_CHECK_EQUAL(must(log.entries(db)), 0);
}

CAF_TEST(entries far behind the newest are forgotten however young) {
  record("first");
  record("second");
  must(db.execute(
    "UPDATE dbproxy_journal SET entry = "
    + std::to_string(limits::journal_entries_max) + " WHERE entry = 2"));
  must(log.prune(db));
  CAF_CHECK_EQUAL(known(), "first second");
  record("third");
  must(log.prune(db));
  CAF_CHECK_EQUAL(known(), "second third");
}

CAF_TEST(entries are numbered in the order of their writes) {
  record("a");
  record("b");
  must(log.settle(db, {"a"}));
  record("c");
  CAF_CHECK_EQUAL(known(), "b c");
  must(log.settle(db, {"b"}));
  must(log.settle(db, {"c"}));
  record("d");
  record("e");
  CAF_CHECK_EQUAL(known(), "d e");
  CAF_CHECK_EQUAL(must(log.entries(db)), 2);
}

CAF_TEST(no statement of the journal reads it whole) {
  for (std::string_view name :
       {"journal_find", "journal_settle", "journal_newest", "journal_oldest",
        "journal_prune"}) {
    auto plan =
      rows(db, "EXPLAIN QUERY PLAN " + std::string{find_section(name)});
    for (const auto& line : plan) {
      auto is_bounded = contains(line, "SEARCH") || name == "journal_oldest";
      CAF_CHECK(is_bounded);
      CAF_CHECK(!contains(line, "TEMP B-TREE"));
    }
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
