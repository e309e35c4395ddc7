// The parts of a search: the expression for any text, the nearest vectors, the
// fusion of rankings.
#define CAF_SUITE storage_search
#include "storage/search.hpp"

#include "messages/limits.hpp"
#include "storage/sql_text.hpp"
#include "temp_database.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;
using namespace std::string_literals;

namespace {

using numbers = std::vector<float>;
using ids = std::vector<std::int64_t>;

vector_bytes bytes_of(const numbers& values) {
  return std::as_bytes(std::span{values});
}

/// The cosine by the book.
double plain_cosine(const numbers& a, const numbers& b) {
  double product = 0;
  double a_square = 0;
  double b_square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    a_square += double{a[i]} * a[i];
    b_square += double{b[i]} * b[i];
  }
  return product / std::sqrt(a_square * b_square);
}

class random_source {
public:
  numbers vector(std::size_t dimensions) {
    numbers values(dimensions);
    for (auto& value : values)
      value = spread_(engine_);
    return values;
  }

  std::size_t below(std::size_t bound) { return engine_() % bound; }

private:
  std::mt19937 engine_{7};
  std::normal_distribution<float> spread_;
};

struct fixture {
  fixture() {
    must(db.execute("CREATE VIRTUAL TABLE texts USING fts5 (body,"
                    " tokenize = 'porter unicode61')"));
  }

  void add(std::string_view body) {
    auto insert = must(db.prepare("INSERT INTO texts VALUES (?)"));
    insert.bind_text(1, body);
    must(insert.finish());
  }

  /// The rows that match, best first; an error where the expression is none.
  result<ids> try_match(const std::string& expression) {
    auto query = must(db.prepare("SELECT rowid FROM texts WHERE texts MATCH ?"
                                 " ORDER BY rank, rowid"));
    query.bind_text(1, expression);
    return detail::read_rows<std::int64_t>(query);
  }

  ids match(std::string_view text) {
    auto expression = match_expression(text);
    return expression.empty() ? ids{} : must(try_match(expression));
  }

  temp_database files;
  connection db = files.open();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(search_tests, fixture)

// -- words -------------------------------------------------------------------

CAF_TEST(words become strings joined by OR) {
  CAF_CHECK_EQUAL(match_expression("one"), R"("one")");
  CAF_CHECK_EQUAL(match_expression("  one\ttwo\n"), R"("one" OR "two")");
  CAF_CHECK_EQUAL(match_expression("one two one"), R"("one" OR "two")");
  CAF_CHECK_EQUAL(
    match_expression("AND OR NOT NEAR"), R"("AND" OR "OR" OR "NOT" OR "NEAR")");
  CAF_CHECK_EQUAL(match_expression("größe 東京"), R"("größe" OR "東京")");
  CAF_CHECK_EQUAL(match_expression("a\0b"s), R"("a" OR "b")");
}

CAF_TEST(what is written together is also looked for together) {
  CAF_CHECK_EQUAL(
    match_expression("foo-bar"), R"("foo" OR "bar" OR "foo bar")");
  CAF_CHECK_EQUAL(match_expression("a.b()"), R"("a" OR "b" OR "a b")");
  CAF_CHECK_EQUAL(match_expression("(end)."), R"("end")");
  add("bar and foo");
  add("a foo_bar b");
  CAF_CHECK(match("foo-bar") == (ids{2, 1}));
  CAF_CHECK(match("std::foo(bar)") == (ids{1, 2}));
}

CAF_TEST(a text without words finds nothing) {
  for (const auto& text :
       {""s, " "s, "\0"s, "\"\"\""s, "* ^ : - + ( ) { } ' , ; . ! ?"s})
    CAF_CHECK_EQUAL(match_expression(text), "");
  add("words");
  CAF_CHECK(match("😀").empty()); // no word to the tokenizer
  CAF_CHECK(match("😀 words") == ids{1});
  CAF_CHECK(match("… ¿words?") == ids{1});
}

CAF_TEST(words past the limit are not searched for) {
  std::string text;
  for (std::size_t i = 0; i < 10'000; ++i)
    text += "w" + std::to_string(i) + " ";
  auto expression = match_expression(text);
  CAF_CHECK(contains(expression, "\"w63\""));
  CAF_CHECK(!contains(expression, "\"w64\""));
  std::ranges::replace(text, ' ', '-');
  expression = match_expression(text);
  CAF_CHECK(contains(expression, "\"w63\" OR \"w0 w1"));
  CAF_CHECK(!contains(expression, "w64"));
  add("w63");
  add("w64");
  CAF_CHECK(match(text) == ids{1});
}

CAF_TEST(a long word is cut between characters) {
  auto quoted = [](std::string_view text) {
    return '"' + std::string{text} + '"';
  };
  std::string letters(300, 'x');
  CAF_CHECK_EQUAL(match_expression(letters), quoted(letters.substr(0, 256)));
  std::string text = "x";
  for (int i = 0; i < 200; ++i)
    text += "ä";
  CAF_CHECK_EQUAL(match_expression(text), quoted(text.substr(0, 255)));
  std::string no_text(300, '\x80');
  CAF_CHECK_EQUAL(match_expression(no_text), quoted(no_text.substr(0, 253)));
}

CAF_TEST(no text makes an expression that FTS5 refuses) {
  add("some words to be found");
  std::vector<std::string> hostile{
    "\"",
    "\"\"",
    "\"a",
    "a\"b",
    "'",
    "*",
    "a*",
    "^a",
    "a ^",
    "body:a",
    "-a",
    "a - b",
    "+",
    "a + b",
    "NEAR(",
    "NEAR(a b, 5)",
    "AND",
    "a AND",
    "OR OR",
    "NOT",
    "NOT a",
    "(",
    ")",
    "((((",
    "{a b}:",
    "{",
    "}",
    ":",
    "\\",
    "\0"s,
    "a\0b"s,
    "\0\"\0"s,
    "😀",
    "😀*",
    "\xff",
    "\xff\xfe\"",
    "\xf0\x9f",
    "\xc3",
    "a\xc3",
    "\xed\xa0\x80",
    "\xe2\x80\x8b",
    "rank",
    "texts",
    "texts:a",
    std::string(100'000, '"'),
    std::string(100'000, '('),
    std::string(1'000'000, 'a'),
    std::string(1'000'000, '\xff'),
    "*words",
    "a,b",
    "[]",
    "<>",
    "%",
    "a;DROP TABLE texts"};
  std::string long_dashes;
  for (int i = 0; i < 100'000; ++i)
    long_dashes += "a…"; // a mark that only the tokenizer knows
  hostile.push_back(long_dashes);
  random_source random;
  const std::string_view alphabet{
    "ab \"*^:-+(){}'\0\xff\xc3\xa4\xf0\x9f\x98\n,.", 25};
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (auto left = random.below(40); left != 0; --left)
      text += alphabet[random.below(alphabet.size())];
    hostile.push_back(text);
  }
  for (const auto& text : hostile) {
    auto expression = match_expression(text);
    if (expression.empty())
      continue;
    auto found = try_match(expression);
    if (!found)
      CAF_FAIL(expression << ": " << to_string(found.error()));
  }
  CAF_CHECK(match("*words") == ids{1});
}

// -- vectors -----------------------------------------------------------------

CAF_TEST(a cosine is that of the book) {
  random_source random;
  for (std::size_t dimensions :
       {1u, 2u, 15u, 16u, 17u, 31u, 32u, 100u, 384u, 1536u, 16384u})
    for (int i = 0; i < 20; ++i) {
      auto a = random.vector(dimensions);
      auto b = random.vector(dimensions);
      auto cosine = direction{a}.cosine(bytes_of(b));
      CAF_REQUIRE(cosine.has_value());
      CAF_CHECK(std::abs(*cosine - plain_cosine(a, b)) < 1e-5);
      CAF_CHECK(std::abs(*direction{b}.cosine(bytes_of(b)) - 1) < 1e-5);
    }
}

CAF_TEST(a vector may lie at any address) {
  random_source random;
  auto a = random.vector(50);
  auto b = random.vector(50);
  auto expected = direction{a}.cosine(bytes_of(b));
  std::vector<std::byte> room(50 * sizeof(float) + 16);
  for (std::size_t shift = 0; shift < 16; ++shift) {
    std::memcpy(room.data() + shift, b.data(), b.size() * sizeof(float));
    CAF_CHECK(
      direction{a}.cosine({room.data() + shift, b.size() * sizeof(float)})
      == expected);
  }
}

CAF_TEST(very large and very small numbers have a direction too) {
  for (float scale : {1e-44F, 1e-30F, 1e-12F, 1.0F, 1e12F, 1e30F, 1e38F}) {
    numbers wanted{scale, 0, 0};
    numbers stored{scale, scale, 0};
    CAF_CHECK(
      std::abs(*direction{wanted}.cosine(bytes_of(stored)) - std::sqrt(0.5))
      < 1e-6);
  }
}

CAF_TEST(what has no direction has no cosine) {
  auto infinite = std::numeric_limits<float>::infinity();
  auto no_number = std::numeric_limits<float>::quiet_NaN();
  direction wanted{numbers{1, 2}};
  for (const auto& stored :
       {numbers{}, numbers{1}, numbers{1, 2, 3}, numbers{0, 0},
        numbers{1, infinite}, numbers{no_number, 1}})
    CAF_CHECK(!wanted.cosine(bytes_of(stored)));
  CAF_CHECK(!wanted.cosine(bytes_of({1, 2}).first(7)));
  for (const auto& query :
       {numbers{}, numbers{0, 0}, numbers{1, infinite},
        numbers{no_number, 1}}) {
    direction nowhere{query};
    CAF_CHECK(!nowhere.cosine(bytes_of(query)));
    CAF_CHECK(!nowhere.cosine(bytes_of({1, 2})));
  }
}

CAF_TEST(the nearest are those of a full sort) {
  random_source random;
  auto wanted = random.vector(8);
  std::vector<numbers> vectors;
  for (int i = 0; i < 500; ++i)
    vectors.push_back(random.vector(8));
  ids all(vectors.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<std::int64_t>(i);
  std::ranges::sort(all, std::ranges::greater{}, [&](std::int64_t id) {
    return plain_cosine(wanted, vectors[static_cast<std::size_t>(id)]);
  });
  for (std::size_t count : {0u, 1u, 10u, 499u, 500u, 1000u}) {
    nearest_vectors nearest{wanted, count};
    for (std::size_t i = 0; i < vectors.size(); ++i)
      nearest.offer(static_cast<std::int64_t>(i), bytes_of(vectors[i]));
    auto best = all;
    best.resize(std::min(count, all.size()));
    CAF_CHECK(nearest.take() == best);
    CAF_CHECK(nearest.take().empty());
  }
}

CAF_TEST(of vectors as near the smaller ids are kept) {
  nearest_vectors nearest{numbers{1, 0}, 2};
  for (std::int64_t id : {5, 3, 9, 4})
    nearest.offer(id, bytes_of({2, 0}));
  CAF_CHECK(nearest.take() == (ids{3, 4}));
}

// -- fusion ------------------------------------------------------------------

CAF_TEST(rankings are fused by reciprocal rank) {
  using found = std::vector<found_row>;
  const ranking rankings[]{{1, 2, 3}, {3, 4}};
  CAF_CHECK(
    fuse_rankings(rankings, 10)
    == (found{
      {3, 1.0 / 63 + 1.0 / 61}, {1, 1.0 / 61}, {2, 1.0 / 62}, {4, 1.0 / 62}}));
  CAF_CHECK(
    fuse_rankings(rankings, 2)
    == (found{{3, 1.0 / 63 + 1.0 / 61}, {1, 1.0 / 61}}));
  CAF_CHECK(fuse_rankings(rankings, 0).empty());
  const ranking swapped[]{{9, 1}, {1, 9}};
  CAF_CHECK(
    fuse_rankings(swapped, 10)
    == (found{{1, 1.0 / 61 + 1.0 / 62}, {9, 1.0 / 61 + 1.0 / 62}}));
  const ranking nothing[]{{}, {}};
  CAF_CHECK(fuse_rankings(nothing, 10).empty());
}

CAF_TEST(what is read in one transaction is of one moment) {
  must(db.execute("CREATE TABLE t (x)"));
  auto other = files.open();
  auto count = [this] { return row(db, "SELECT count(*) FROM t"); };
  {
    auto snapshot = must(read_transaction::begin(db));
    CAF_CHECK_EQUAL(count(), "0");
    must(other.execute("INSERT INTO t VALUES (1)"));
    {
      auto nested = must(read_transaction::begin(db));
      CAF_CHECK_EQUAL(count(), "0");
    }
    CAF_CHECK(db.in_transaction());
    CAF_CHECK_EQUAL(count(), "0");
  }
  CAF_CHECK(!db.in_transaction());
  CAF_CHECK_EQUAL(count(), "1");
}

CAF_TEST_FIXTURE_SCOPE_END()
