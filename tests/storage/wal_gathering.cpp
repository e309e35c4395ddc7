// The pages of a commit are written to the WAL together, and nobody can tell
// from what is in the files.
#define CAF_SUITE storage_wal_gathering
#include "storage/wal_gathering.hpp"

#include "storage/integrity.hpp"
#include "storage/scopes.hpp"
#include "support/fault_vfs.hpp"
#include "temp_database.hpp"

#include <sqlite3.h>

#include <optional>
#include <string>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture {
  temp_database files;
  fault_vfs disk;
  std::optional<connection> db;

  fixture() {
    db.emplace(open());
    must(db->execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)"));
  }

  connection open(bool gathers = true) {
    auto options = files.options();
    options.own_vfs = gathers;
    return must(open_database(options));
  }

  /// Adds rows of a page each, or more, in one transaction.
  result<void> insert(connection& by, int rows, bool commit = true) {
    auto transaction = must(immediate_transaction::begin(by));
    must(by.execute(
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "
      + std::to_string(rows)
      + ") INSERT INTO t (x) SELECT zeroblob(3000) FROM n"));
    return commit ? transaction.commit() : result<void>{};
  }

  /// Writes that a commit of so many rows takes.
  int writes_for(connection& by, int rows) {
    auto before = disk.writes();
    must(insert(by, rows));
    return disk.writes() - before;
  }

  /// What somebody sees who opens the file now.
  void check_rows(const std::string& count) {
    auto other = open(false);
    CAF_CHECK_EQUAL(row(other, "SELECT count(*) FROM t"), count);
    CAF_CHECK_EQUAL(row(*db, "SELECT count(*) FROM t"), count);
    CAF_CHECK(must(find_faults(other)).empty());
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(wal_gathering_tests, fixture)

CAF_TEST(a commit takes few writes however many pages it has) {
  auto plain = open(false);
  CAF_CHECK(writes_for(plain, 20) >= 40);
  CAF_CHECK(writes_for(*db, 20) <= 4);
  check_rows("40");
}

CAF_TEST(a commit of more than the bound is whole) {
  constexpr std::size_t rows = 200;
  static_assert(rows * 4096 > 4 * limits::gathered_wal_bytes_max);
  auto writes = writes_for(*db, int{rows});
  CAF_CHECK(writes >= 4);
  CAF_CHECK(writes <= 20);
  check_rows("200");
}

CAF_TEST(pages that did not wait for the commit are written anew in it) {
  must(db->execute("PRAGMA cache_size = 5"));
  {
    auto transaction = must(immediate_transaction::begin(*db));
    for (int i = 0; i < 10; ++i) {
      must(db->execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "LIMIT 20) INSERT INTO t (x) SELECT zeroblob(3000) FROM n"));
      must(db->execute("UPDATE t SET x = zeroblob(2000) WHERE id % 3 = 0"));
    }
    must(transaction.commit());
  }
  check_rows("200");
  CAF_CHECK_EQUAL(
    row(*db, "SELECT count(*) FROM t WHERE length(x) = 2000"), "66");
}

CAF_TEST(what was rolled back is not in the way of others) {
  must(db->execute("PRAGMA cache_size = 5"));
  auto other = open();
  for (int i = 0; i < 5; ++i) {
    auto before = disk.writes();
    must(insert(*db, 20, false));
    CAF_CHECK(disk.writes() > before); // the cache was too small for them
    must(insert(other, 1));
    CAF_CHECK_EQUAL(row(*db, "SELECT count(*) FROM t"), std::to_string(i + 1));
  }
  check_rows("5");
}

CAF_TEST(a commit that could not be written is not in the way of others) {
  auto other = open();
  for (int more = 0; more < 4; ++more) {
    auto before = row(other, "SELECT count(*) FROM t");
    disk.fail_writes(SQLITE_FULL, more);
    auto outcome = insert(*db, 10);
    disk.mend();
    if (outcome)
      continue; // it took fewer writes
    CAF_CHECK(outcome.error().outcome == write_outcome::not_applied);
    must(insert(other, 1));
    CAF_CHECK_EQUAL(
      row(*db, "SELECT count(*) FROM t"),
      std::to_string(std::stoi(before) + 1));
  }
  check_rows(row(other, "SELECT count(*) FROM t"));
  must(insert(*db, 10));
  check_rows(row(other, "SELECT count(*) FROM t"));
}

CAF_TEST(reading in between sees what was committed) {
  auto reader = must(open_connection(files.options(access::read_only)));
  for (int i = 1; i <= 20; ++i) {
    must(insert(*db, 3));
    CAF_REQUIRE_EQUAL(
      row(reader, "SELECT count(*) FROM t"), std::to_string(3 * i));
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
