// Checkpoints: the WAL stays bounded, readers are not disturbed, and nobody
// commits meanwhile.
#define CAF_SUITE storage_checkpoint
#include "storage/checkpoint.hpp"

#include "storage/scopes.hpp"
#include "temp_database.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

constexpr int threshold = 50;

struct fixture {
  fixture() { must(db.execute("CREATE TABLE t (x)")); }

  void write() {
    // A reader that meets a commit holds the write lock for a moment.
    db.set_lock_wait(in(patience));
    auto transaction = must(immediate_transaction::begin(db));
    must(db.execute("INSERT INTO t VALUES (zeroblob(4000))"));
    must(transaction.commit());
  }

  std::uintmax_t wal_bytes() const {
    return std::filesystem::file_size(files.path() + "-wal");
  }

  temp_database files;
  connection db = files.open();
  std::optional<checkpointer> checkpoints{
    must(checkpointer::open(files.options()))};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(checkpoint_tests, fixture)

CAF_TEST(a checkpoint copies the whole WAL and the next commit restarts it) {
  for (int i = 0; i < 20; ++i)
    write();
  auto pages = db.wal_pages();
  auto outcome = must(checkpoints->run(db, std::nullopt));
  CAF_CHECK_EQUAL(outcome.log_pages, pages);
  CAF_CHECK_EQUAL(outcome.checkpointed_pages, pages);
  CAF_CHECK(outcome.is_complete());
  CAF_CHECK(!db.in_transaction());
  auto bytes = wal_bytes();
  write();
  CAF_CHECK(db.wal_pages() < 10);
  CAF_CHECK_EQUAL(wal_bytes(), bytes);
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "21");
}

CAF_TEST(the WAL stays bounded under a loop of writes) {
  must(checkpoints->run(db, std::nullopt)); // the pages of the schema
  auto bytes_max = std::max(wal_bytes(), (threshold + 10) * 5000ul);
  int pages_max = 0;
  for (int i = 0; i < 1000; ++i) {
    write();
    pages_max = std::max(pages_max, db.wal_pages());
    if (db.wal_pages() >= threshold)
      CAF_REQUIRE(must(checkpoints->run(db, std::nullopt)).is_complete());
  }
  CAF_CHECK(pages_max < threshold + 10);
  CAF_CHECK(wal_bytes() <= bytes_max);
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "1000");
  CAF_CHECK_EQUAL(row(db, "PRAGMA integrity_check"), "ok");
}

CAF_TEST(the WAL begins anew while readers come and go) {
  std::atomic<bool> stop = false;
  auto read = [&] {
    auto reader = files.open(access::read_only);
    while (!stop) {
      reader.set_lock_wait(in(patience));
      row(reader, "SELECT max(rowid) FROM t"); // as fast however long t is
    }
  };
  {
    std::jthread first{read};
    std::jthread second{read};
    int due = threshold;
    auto deadline = in(patience);
    while (db.wal_restarts() < 10
           && std::chrono::steady_clock::now() < *deadline) {
      write();
      auto pages = db.wal_pages();
      due = std::min(due, pages + threshold);
      if (pages < due)
        continue;
      must(checkpoints->run(db, in(patience)));
      due = pages + threshold; // unless the next commit finds it begun anew
    }
    stop = true;
  }
  CAF_CHECK_EQUAL(db.wal_restarts(), 10u);
  CAF_CHECK_EQUAL(row(db, "PRAGMA integrity_check"), "ok");
}

CAF_TEST(an old reader neither waits nor loses what it sees) {
  write();
  auto reader = files.open(access::read_only);
  must(reader.execute("BEGIN; SELECT * FROM t"));
  for (int i = 0; i < 5; ++i)
    write();
  auto outcome = must(checkpoints->run(db, std::nullopt));
  CAF_CHECK(!outcome.is_complete());
  CAF_CHECK(outcome.checkpointed_pages > 0);
  CAF_CHECK_EQUAL(row(reader, "SELECT count(*) FROM t"), "1");
  must(reader.execute("COMMIT"));
  CAF_CHECK(must(checkpoints->run(db, std::nullopt)).is_complete());
  CAF_CHECK_EQUAL(row(reader, "SELECT count(*) FROM t"), "6");
  write();
  CAF_CHECK(db.wal_pages() < 10);
}

CAF_TEST(no checkpoint is made while another connection may commit) {
  write();
  auto other = files.open();
  auto pages = db.wal_pages();
  {
    auto held = must(immediate_transaction::begin(other));
    auto deadline = in(5ms);
    for (auto patient : {lock_deadline{}, deadline})
      CAF_CHECK_EQUAL(
        must_fail(checkpoints->run(db, patient)).code, error_code::busy);
    CAF_CHECK(std::chrono::steady_clock::now() >= *deadline);
  }
  CAF_CHECK_EQUAL(
    must(checkpoints->run(db, std::nullopt)).checkpointed_pages, pages);
}

CAF_TEST(a checkpoint waits politely until the holder lets go) {
  write();
  auto other = files.open();
  std::optional held{must(immediate_transaction::begin(other))};
  std::atomic<bool> begun = false;
  result<checkpoint_outcome> outcome = checkpoint_outcome{};
  {
    std::jthread waits{[&] {
      begun = true;
      begun.notify_one();
      outcome = checkpoints->run(db, in(patience));
    }};
    begun.wait(false);
    held.reset();
  }
  CAF_CHECK(must(outcome).is_complete());
}

CAF_TEST(a checkpoint of nothing is complete) {
  must(checkpoints->run(db, std::nullopt));
  CAF_CHECK(must(checkpoints->run(db, std::nullopt)).is_complete());
}

CAF_TEST(after a clean end the database is a single file) {
  write();
  CAF_CHECK(must(checkpoints->finish(db, std::nullopt)).is_complete());
  connection{std::move(db)};
  CAF_CHECK(std::filesystem::exists(files.path() + "-wal"));
  checkpoints.reset();
  CAF_CHECK(!std::filesystem::exists(files.path() + "-wal"));
  CAF_CHECK(!std::filesystem::exists(files.path() + "-shm"));
  db = files.open();
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "1");
}

CAF_TEST(a clean end leaves the WAL to those who are still there) {
  auto other = files.open();
  write();
  must(checkpoints->finish(db, std::nullopt));
  connection{std::move(db)};
  checkpoints.reset();
  CAF_CHECK(std::filesystem::exists(files.path() + "-wal"));
  CAF_CHECK_EQUAL(row(other, "SELECT count(*) FROM t"), "1");
  db = files.open();
}

CAF_TEST_FIXTURE_SCOPE_END()
