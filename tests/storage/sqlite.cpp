// Connections, statements and the scopes that end a transaction.
#define CAF_SUITE storage_sqlite
#include "storage/sqlite.hpp"

#include "messages/limits.hpp"
#include "storage/scopes.hpp"
#include "temp_database.hpp"

#include <algorithm>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture {
  fixture() { must(db.execute("CREATE TABLE t (a UNIQUE, b NOT NULL)")); }

  temp_database files;
  connection db = files.open();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(sqlite_tests, fixture)

CAF_TEST(values come back as they were bound) {
  const std::string text{"a\0b \xc3\xa9\xe6\xbc\xa2", 9};
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{255}};
  {
    auto insert = must(db.prepare("INSERT INTO t VALUES (:text, :blob)"));
    CAF_CHECK_EQUAL(insert.parameter_count(), 2);
    CAF_CHECK_EQUAL(insert.parameter_name(1), "text");
    CAF_CHECK_EQUAL(insert.parameter_name(2), "blob");
    insert.bind_text(1, text);
    insert.bind_blob(2, bytes);
    must(insert.finish());
  }
  auto select = must(db.prepare(
    "SELECT a, b, 1.5 AS r, -9223372036854775808 AS i, NULL AS n FROM t"));
  CAF_REQUIRE(must(select.step()));
  CAF_CHECK_EQUAL(select.column_count(), 5);
  CAF_CHECK_EQUAL(select.column_name(2), "r");
  CAF_CHECK_EQUAL(select.text(0), text);
  CAF_CHECK(std::ranges::equal(select.blob(1), bytes));
  CAF_CHECK_EQUAL(select.real(2), 1.5);
  CAF_CHECK_EQUAL(select.integer(3), std::numeric_limits<std::int64_t>::min());
  CAF_CHECK(select.is_null(4));
  CAF_CHECK(!select.is_null(0));
  CAF_CHECK(!must(select.step()));
}

CAF_TEST(empty texts and blobs are values) {
  {
    auto insert = must(db.prepare("INSERT INTO t VALUES (?, ?)"));
    CAF_CHECK_EQUAL(insert.parameter_name(1), "");
    insert.bind_text(1, std::string_view{});
    insert.bind_blob(2, {});
    must(insert.finish());
  }
  CAF_CHECK_EQUAL(row(db, "SELECT typeof(a), typeof(b) FROM t"), "text|blob");
}

CAF_TEST(a statement comes back from the cache without its bindings) {
  constexpr auto sql = "SELECT :x IS NULL";
  {
    auto first = must(db.prepare(sql));
    first.bind_integer(1, 1);
    CAF_CHECK(must(first.step()));
    CAF_CHECK_EQUAL(first.integer(0), 0);
  }
  auto second = must(db.prepare(sql));
  CAF_CHECK(must(second.step()));
  CAF_CHECK_EQUAL(second.integer(0), 1);
}

CAF_TEST(one text can be prepared again while it is being stepped) {
  constexpr auto sql = "SELECT 1 UNION ALL SELECT 2";
  auto outer = must(db.prepare(sql));
  CAF_CHECK(must(outer.step()));
  {
    auto inner = must(db.prepare(sql));
    CAF_CHECK(must(inner.step()));
    CAF_CHECK_EQUAL(inner.integer(0), 1);
  }
  CAF_CHECK(must(outer.step()));
  CAF_CHECK_EQUAL(outer.integer(0), 2);
}

CAF_TEST(more statements than the cache holds all work) {
  auto sum = [this] {
    std::int64_t total = 0;
    for (std::size_t i = 0; i < limits::cached_statements_max + 50; ++i) {
      auto query = must(db.prepare("SELECT " + std::to_string(i)));
      CAF_REQUIRE(must(query.step()));
      total += query.integer(0);
    }
    return total;
  };
  CAF_CHECK_EQUAL(sum(), 46665);
  CAF_CHECK_EQUAL(sum(), 46665);
}

CAF_TEST(a statement in use is not dropped from a full cache) {
  auto held = must(db.prepare("SELECT 'held' UNION ALL SELECT 'on'"));
  CAF_REQUIRE(must(held.step()));
  for (std::size_t i = 0; i < 2 * limits::cached_statements_max; ++i)
    must(db.prepare("SELECT " + std::to_string(i)).value().finish());
  CAF_CHECK_EQUAL(held.text(0), "held");
  CAF_REQUIRE(must(held.step()));
  CAF_CHECK_EQUAL(held.text(0), "on");
}

CAF_TEST(prepare takes exactly one statement) {
  CAF_CHECK(contains(failure(db.prepare("")), "not exactly one"));
  CAF_CHECK(contains(failure(db.prepare(" -- none")), "not exactly one"));
  CAF_CHECK(
    contains(failure(db.prepare("SELECT 1; SELECT 2")), "not exactly one"));
  must(db.prepare("SELECT 1; -- and no more"));
}

CAF_TEST(execute runs several statements and stops at the first error) {
  auto done =
    db.execute("INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, NULL);"
               "INSERT INTO t VALUES (3, 3)");
  CAF_CHECK_EQUAL(failure(done), "CONFLICT: NOT NULL constraint failed: t.b");
  CAF_CHECK_EQUAL(row(db, "SELECT group_concat(a) FROM t"), "1");
}

CAF_TEST(errors tell what SQLite found) {
  must(db.execute("INSERT INTO t VALUES (1, 1)"));
  CAF_CHECK_EQUAL(
    failure(db.execute("INSERT INTO t VALUES (1, 1)")),
    "CONFLICT: UNIQUE constraint failed: t.a");
  CAF_CHECK_EQUAL(
    failure(db.execute("SELECT * FROM absent")),
    "INTERNAL: no such table: absent (SQLITE_ERROR, 1)");
}

CAF_TEST(a bind that fails is the error of the next step) {
  auto query = must(db.prepare("SELECT ?"));
  query.bind_integer(7, 1);
  query.bind_integer(1, 1);
  CAF_CHECK_EQUAL(
    failure(query.step()),
    "INTERNAL: column index out of range (SQLITE_RANGE, 25)");
}

CAF_TEST(a transaction that is not committed is rolled back) {
  {
    auto transaction = must(immediate_transaction::begin(db));
    CAF_CHECK(db.in_transaction());
    must(db.execute("INSERT INTO t VALUES (1, 1)"));
  }
  CAF_CHECK(!db.in_transaction());
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
  auto transaction = must(immediate_transaction::begin(db));
  must(db.execute("INSERT INTO t VALUES (1, 1)"));
  must(transaction.commit());
  CAF_CHECK(!db.in_transaction());
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "1");
}

CAF_TEST(a savepoint that is not released is undone) {
  auto transaction = must(immediate_transaction::begin(db));
  {
    auto dropped = must(savepoint::begin(db));
    must(db.execute("INSERT INTO t VALUES ('dropped', 1)"));
  }
  {
    auto undone = must(savepoint::begin(db));
    must(db.execute("INSERT INTO t VALUES ('undone', 1)"));
    must(undone.roll_back());
  }
  {
    auto kept = must(savepoint::begin(db));
    must(db.execute("INSERT INTO t VALUES ('kept', 1)"));
    must(kept.release());
  }
  must(transaction.commit());
  CAF_CHECK_EQUAL(row(db, "SELECT group_concat(a) FROM t"), "kept");
}

CAF_TEST(a commit that breaks a deferred foreign key has certainly failed) {
  must(db.execute(
    "CREATE TABLE p (id PRIMARY KEY);"
    "CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)"));
  auto transaction = must(immediate_transaction::begin(db));
  CAF_CHECK(!db.has_unresolved_foreign_keys());
  must(db.execute("INSERT INTO c VALUES (1)"));
  CAF_CHECK(db.has_unresolved_foreign_keys());
  auto error = must_fail(transaction.commit());
  CAF_CHECK_EQUAL(to_string(error), "CONFLICT: FOREIGN KEY constraint failed");
  CAF_CHECK(error.outcome == write_outcome::not_applied);
  CAF_CHECK(!db.in_transaction());
}

CAF_TEST(nobody commits behind a bar) {
  auto transaction = must(immediate_transaction::begin(db));
  must(db.execute("INSERT INTO t VALUES (1, 1)"));
  {
    commit_bar bar{db};
    CAF_CHECK_EQUAL(must_fail(db.execute("COMMIT")).code, error_code::conflict);
  }
  CAF_CHECK(!db.in_transaction());
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
  must(db.execute("INSERT INTO t VALUES (2, 2)"));
}

CAF_TEST(the pages of the WAL are told after a commit) {
  auto fresh = files.open();
  CAF_CHECK_EQUAL(fresh.wal_pages(), 0);
  must(fresh.execute("INSERT INTO t VALUES (1, 1)"));
  auto once = fresh.wal_pages();
  CAF_CHECK(once > 0);
  must(fresh.execute("INSERT INTO t VALUES (2, 2)"));
  CAF_CHECK(fresh.wal_pages() > once);
}

CAF_TEST(a connection can be moved) {
  auto other = std::move(db);
  must(other.execute("INSERT INTO t VALUES (1, 1)"));
  CAF_CHECK(other.wal_pages() > 0);
  CAF_CHECK_EQUAL(other.path(), files.path());
  db = std::move(other);
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "1");
}

CAF_TEST(without a lock wait a held lock is BUSY at once) {
  auto other = files.open();
  auto held = must(immediate_transaction::begin(other));
  auto error = must_fail(immediate_transaction::begin(db));
  CAF_CHECK_EQUAL(
    to_string(error), "BUSY: database is locked (SQLITE_BUSY, 5)");
  CAF_CHECK(!db.in_transaction());
}

CAF_TEST(a lock wait ends with BUSY at its deadline and not before) {
  auto other = files.open();
  auto held = must(immediate_transaction::begin(other));
  auto deadline = in(30ms);
  db.set_lock_wait(deadline);
  CAF_CHECK_EQUAL(
    must_fail(immediate_transaction::begin(db)).code, error_code::busy);
  CAF_CHECK(std::chrono::steady_clock::now() >= *deadline);
}

CAF_TEST(a lock wait succeeds when the holder lets go) {
  std::promise<void> locked;
  std::promise<void> let_go;
  std::thread holder{[&] {
    auto other = files.open();
    auto held = must(immediate_transaction::begin(other));
    must(other.execute("INSERT INTO t VALUES ('holder', 1)"));
    locked.set_value();
    let_go.get_future().wait();
    must(held.commit());
  }};
  locked.get_future().wait();
  CAF_CHECK(!immediate_transaction::begin(db));
  std::thread releaser{[&] { let_go.set_value(); }};
  db.set_lock_wait(in(patience));
  auto transaction = must(immediate_transaction::begin(db));
  must(db.execute("INSERT INTO t VALUES ('waiter', 1)"));
  must(transaction.commit());
  holder.join();
  releaser.join();
  CAF_CHECK_EQUAL(row(db, "SELECT group_concat(a) FROM t"), "holder,waiter");
}

CAF_TEST_FIXTURE_SCOPE_END()
