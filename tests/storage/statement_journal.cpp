// What a savepoint takes back: from memory, and past the bound from a file.
#define CAF_SUITE storage_statement_journal
#include "storage/statement_journal.hpp"

#include "messages/limits.hpp"
#include "storage/integrity.hpp"
#include "storage/scopes.hpp"
#include "support/fault_vfs.hpp"
#include "temp_database.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

constexpr int page_bytes = 4096;
constexpr int pages_in_memory =
  static_cast<int>(limits::statement_journal_bytes_max / page_bytes);

struct fixture {
  temp_database files;
  fault_vfs disk;
  std::optional<connection> db;

  fixture() { open(true); }

  void open(bool own_vfs) {
    auto options = files.options();
    options.own_vfs = own_vfs;
    db.reset();
    db.emplace(must(open_database(options)));
    // The pages that are changed stay in the cache until the COMMIT, so that
    // whatever is written before it is written to the statement journal.
    must(db->execute("PRAGMA cache_size = 100000"));
    must(db->execute("DROP TABLE IF EXISTS t"));
    must(db->execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x, filler)"));
  }

  /// Rows of a page each.
  void fill(int rows) {
    must(db->execute(
      "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT "
      + std::to_string(rows)
      + ") INSERT INTO t SELECT i, 0, zeroblob(3000) FROM n"));
  }

  /// The writes that changing every row, and taking that back, takes.
  int writes_of_undone_change() {
    auto before = disk.writes();
    auto transaction = must(immediate_transaction::begin(*db));
    {
      auto undone = must(savepoint::begin(*db));
      must(db->execute("UPDATE t SET x = 1"));
      must(undone.roll_back());
    }
    CAF_CHECK_EQUAL(row(*db, "SELECT sum(x) FROM t"), "0");
    return disk.writes() - before;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(statement_journal_tests, fixture)

CAF_TEST(a savepoint is taken back from memory) {
  constexpr int rows = pages_in_memory / 2;
  fill(rows);
  CAF_CHECK_EQUAL(writes_of_undone_change(), 0);
  open(false); // SQLite's own way
  fill(rows);
  CAF_CHECK(writes_of_undone_change() >= rows);
}

CAF_TEST(past the bound it is taken back from a file) {
  constexpr int rows = 2 * pages_in_memory;
  fill(rows);
  auto writes = writes_of_undone_change();
  // What was in memory goes with few writes, each page later with two.
  CAF_CHECK(writes > 1);
  CAF_CHECK(writes <= 2 * (rows - pages_in_memory) + 20);
}

CAF_TEST(a journal that cannot be written fails the write and harms nothing) {
  fill(2 * pages_in_memory);
  {
    auto transaction = must(immediate_transaction::begin(*db));
    auto undone = must(savepoint::begin(*db));
    disk.fail_writes(SQLITE_FULL);
    CAF_CHECK(!db->execute("UPDATE t SET x = 1"));
    disk.mend();
  }
  CAF_CHECK_EQUAL(row(*db, "SELECT sum(x) FROM t"), "0");
  must(db->execute("UPDATE t SET x = 1 WHERE id = 5"));
  CAF_CHECK_EQUAL(row(*db, "SELECT sum(x) FROM t"), "1");
  CAF_CHECK(must(find_faults(*db)).empty());
}

CAF_TEST(savepoints within savepoints are each taken back or kept) {
  constexpr int rows = pages_in_memory;
  fill(rows);
  std::mt19937 random{20'261};
  auto below = [&](int bound) {
    return std::uniform_int_distribution{0, bound - 1}(random);
  };
  std::map<int, int> now; // what x of each row is to be
  std::vector<std::map<int, int>> saved;
  for (int round = 0; round < 20; ++round) {
    must(db->execute("BEGIN IMMEDIATE"));
    saved.clear();
    for (int step = 0; step < 40; ++step) {
      auto name = "s" + std::to_string(saved.size());
      switch (below(4)) {
      case 0:
        must(db->execute("SAVEPOINT " + name));
        saved.push_back(now);
        break;
      case 1:
        if (saved.empty())
          break;
        name = "s" + std::to_string(saved.size() - 1);
        if (below(2) == 0) {
          must(db->execute("ROLLBACK TO " + name));
          now = saved.back();
        }
        must(db->execute("RELEASE " + name));
        saved.pop_back();
        break;
      default:
        auto first = below(rows);
        auto last = std::min(rows, first + 1 + below(rows / 2)) - 1;
        must(db->execute(
          "UPDATE t SET x = " + std::to_string(step) + " WHERE id BETWEEN "
          + std::to_string(first) + " AND " + std::to_string(last)));
        for (int id = first; id <= last; ++id)
          now[id] = step;
      }
    }
    must(db->execute("COMMIT"));
    std::string wanted;
    for (int id = 0; id < rows; ++id)
      wanted += std::to_string(now[id]) + ",";
    CAF_REQUIRE_EQUAL(
      row(*db, "SELECT group_concat(x, ',') || ',' FROM t"), wanted);
  }
  CAF_CHECK(must(find_faults(*db)).empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
