// What is left after failures of the disk and after the power went: with
// synchronous=FULL all that was acknowledged, and never a broken database.
#define CAF_SUITE storage_durability
#include "support/fault_vfs.hpp"

#include "messages/sessions.hpp"
#include "storage/checkpoint.hpp"
#include "storage/integrity.hpp"
#include "storage/journal.hpp"
#include "storage/methods.hpp"
#include "storage/transaction.hpp"
#include "temp_database.hpp"

#include <sqlite3.h>

#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

using status = batch_result::status;

struct fixture {
  temp_database files;
  fault_vfs disk;
  std::optional<connection> db;
  journal log;
  int next = 0;

  fixture() { open(sync_mode::full); }

  ~fixture() { db.reset(); }

  open_options options(sync_mode sync) {
    auto made = files.options();
    made.sync = sync;
    return made;
  }

  void open(sync_mode sync) {
    log = journal{};
    db.emplace(must(open_database(options(sync))));
  }

  write_ptr create(const std::string& id) {
    create_session params;
    params.id = id;
    params.title = std::string(static_cast<std::size_t>(next) % 5000, 't');
    write_ids ids;
    ids.request_id = "request " + id;
    return must(prepare(
      catalogue_methods().find("CreateSession"), boxed::of(std::move(params)),
      std::move(ids)));
  }

  /// A batch of new sessions; their ids.
  std::vector<std::string> run(int count, batch_result& outcome) {
    std::vector<std::string> ids;
    std::vector<batch_entry> batch;
    for (int i = 0; i < count; ++i) {
      ids.push_back("s" + std::to_string(next++));
      batch.push_back({create(ids.back()), true});
    }
    outcome = run_batch(*db, log, batch, in(1s));
    return ids;
  }

  std::set<std::string> present() {
    auto list = rows(*db, "SELECT id FROM sessions");
    return {list.begin(), list.end()};
  }

  void check_sound() {
    auto faults = must(find_faults(*db));
    CAF_CHECK(faults.empty());
  }

  /// Sessions that were acknowledged and are not there.
  static int
  lost(const std::set<std::string>& acked, const std::set<std::string>& there) {
    int count = 0;
    for (const auto& id : acked)
      count += there.contains(id) ? 0 : 1;
    return count;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(durability_tests, fixture)

CAF_TEST(acknowledged writes survive the loss of power) {
  std::set<std::string> acked;
  std::set<std::string> refused;
  std::mt19937 random{7};
  for (std::uint64_t round = 0; round < 40; ++round) {
    auto checkpoints =
      std::optional{must(checkpointer::open(options(sync_mode::full)))};
    // The power goes in the middle of some write.
    disk.fail_writes(SQLITE_IOERR_WRITE, static_cast<int>(random() % 300));
    for (int batch = 0; batch < 12; ++batch) {
      batch_result outcome;
      auto ids = run(1 + static_cast<int>(random() % 8), outcome);
      for (std::size_t i = 0; i < ids.size(); ++i)
        if (outcome.results[i])
          acked.insert(ids[i]);
        else if (
          outcome.results[i].error().outcome == write_outcome::not_applied)
          refused.insert(ids[i]);
      if (batch % 5 == 4)
        static_cast<void>(checkpoints->run(*db, in(1s)));
    }
    db.reset();
    checkpoints.reset();
    disk.cut_power(round);
    disk.mend();
    open(sync_mode::full);
    auto there = present();
    CAF_REQUIRE_EQUAL(lost(acked, there), 0);
    for (const auto& id : refused)
      CAF_REQUIRE(!there.contains(id));
    // What was left open is decided now.
    acked = there;
    check_sound();
  }
  CAF_CHECK(acked.size() > 100);
}

CAF_TEST(with synchronous NORMAL the database stays whole) {
  db.reset();
  for (std::uint64_t round = 0; round < 10; ++round) {
    open(sync_mode::normal);
    for (int batch = 0; batch < 6; ++batch) {
      batch_result outcome;
      run(3, outcome);
      CAF_CHECK(outcome.outcome == status::committed);
    }
    db.reset();
    disk.cut_power(round);
    open(sync_mode::normal);
    check_sound();
    db.reset();
  }
}

CAF_TEST(a power cut that loses nothing synced does lose what was not ) {
  // Else the tests above would prove nothing.
  db.reset();
  std::size_t missing = 0;
  for (std::uint64_t round = 0; round < 10 && missing == 0; ++round) {
    open(sync_mode::normal);
    batch_result outcome;
    auto ids = run(5, outcome);
    db.reset();
    disk.cut_power(round);
    open(sync_mode::normal);
    auto there = present();
    for (const auto& id : ids)
      missing += there.contains(id) ? 0 : 1;
    db.reset();
  }
  CAF_CHECK(missing > 0);
}

CAF_TEST(a failing disk acknowledges nothing and recovers) {
  for (auto code : {SQLITE_IOERR_WRITE, SQLITE_FULL}) {
    auto before = present();
    disk.fail_writes(code);
    batch_result outcome;
    run(3, outcome);
    CAF_CHECK(outcome.outcome == status::failed);
    for (const auto& one : outcome.results) {
      CAF_REQUIRE(!one);
      CAF_CHECK(one.error().code == error_code::internal);
      CAF_CHECK(contains(one.error().message, std::to_string(code)));
      CAF_CHECK_EQUAL(one.error().method, "CreateSession");
    }
    disk.mend();
    CAF_CHECK(present() == before);
    auto ids = run(2, outcome);
    CAF_CHECK(outcome.outcome == status::committed);
    CAF_CHECK(present().contains(ids.front()));
    check_sound();
  }
}

CAF_TEST(a sync that fails leaves nothing acknowledged) {
  disk.fail_syncs(SQLITE_IOERR_FSYNC);
  batch_result outcome;
  auto ids = run(2, outcome);
  for (const auto& one : outcome.results)
    CAF_REQUIRE(!one);
  disk.mend();
  auto there = present();
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (outcome.results[i].error().outcome == write_outcome::not_applied)
      CAF_CHECK(!there.contains(ids[i]));
  run(1, outcome);
  CAF_CHECK(outcome.outcome == status::committed);
  check_sound();
}

CAF_TEST_FIXTURE_SCOPE_END()
