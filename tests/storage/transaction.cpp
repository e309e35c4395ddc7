// Batches: what is committed together, what fails alone, and what becomes of
// everybody when the transaction itself is lost.
#define CAF_SUITE storage_transaction
#include "storage/transaction.hpp"

#include "child_process.hpp"
#include "messages/sessions.hpp"
#include "storage/methods.hpp"
#include "storage/scopes.hpp"
#include "temp_database.hpp"

#include <csignal>
#include <filesystem>
#include <future>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

using status = batch_result::status;
using body = std::function<result<boxed>(connection&)>;

struct no_params {};
BOOST_DESCRIBE_STRUCT(no_params, (), ())

/// A write of the host with a body of its own.
write_ptr host_write(std::string method, body run) {
  auto write = std::make_shared<prepared_write>();
  write->method = std::move(method);
  write->params = boxed::of(no_params{});
  write->params_codec = &codec_for<no_params>();
  write->returns = &codec_for<void>();
  write->body = std::move(run);
  return write;
}

body runs(std::string sql) {
  return [sql = std::move(sql)](connection& db) -> result<boxed> {
    if (auto done = db.execute(sql); !done)
      return done.error();
    return boxed{};
  };
}

struct fixture {
  fixture() { must(db.execute("CREATE TABLE t (x UNIQUE)")); }

  write_ptr create(
    std::string id, std::string request_id = "", std::string settled = "",
    std::string title = "T") {
    create_session params;
    params.id = std::move(id);
    params.title = std::move(title);
    write_ids ids;
    if (!request_id.empty())
      ids.request_id = std::move(request_id);
    if (!settled.empty())
      ids.settled_request_id = std::move(settled);
    return must(prepare(
      methods.find("CreateSession"), boxed::of(std::move(params)),
      std::move(ids)));
  }

  batch_result run(
    const std::vector<write_ptr>& writes,
    lock_deadline deadline = std::nullopt) {
    std::vector<batch_entry> batch;
    batch.reserve(writes.size());
    for (const auto& write : writes)
      batch.push_back({write, true});
    auto outcome = run_batch(db, log, batch, deadline);
    CAF_CHECK_EQUAL(outcome.results.size(), writes.size());
    CAF_CHECK(!db.in_transaction());
    return outcome;
  }

  /// A word for each result: the session's id, "ok", or the error.
  static std::string told(const batch_result& outcome) {
    std::string words;
    for (const auto& value : outcome.results) {
      words += words.empty() ? "" : ", ";
      if (!value)
        words += to_string(value.error());
      else if (value->value.empty())
        words += "ok";
      else
        words += value->value.as<session>().id;
      if (value && value->replayed)
        words += " again";
    }
    return words;
  }

  std::string sessions() {
    return row(
      db, "SELECT group_concat(id, ' ') FROM"
          " (SELECT id FROM sessions ORDER BY rowid)");
  }

  std::string journaled() {
    return row(
      db, "SELECT group_concat(request_id, ' ') FROM"
          " (SELECT request_id FROM dbproxy_journal ORDER BY entry)");
  }

  temp_database files;
  connection db = files.open();
  method_set methods;
  journal log;
};

constexpr auto full_error = "INTERNAL: database or disk is full "
                            "(SQLITE_FULL, 13) (CreateSession)";

} // namespace

CAF_TEST_FIXTURE_SCOPE(transaction_tests, fixture)

CAF_TEST(a batch is committed in order as one transaction) {
  auto outcome = run({create("a", "1"), create("b"), create("c", "3")});
  CAF_CHECK(outcome.outcome == status::committed);
  CAF_CHECK_EQUAL(told(outcome), "a, b, c");
  CAF_CHECK(outcome.wal_pages > 0);
  CAF_CHECK_EQUAL(outcome.wal_pages, db.wal_pages());
  auto other = files.open();
  CAF_CHECK_EQUAL(
    rows(other, "SELECT id FROM sessions ORDER BY rowid"),
    (std::vector<std::string>{"a", "b", "c"}));
  CAF_CHECK_EQUAL(journaled(), "1 3");
}

CAF_TEST(nothing is begun after its deadline) {
  run({create("first", "1")});
  auto past = std::chrono::steady_clock::now() - 1ms;
  std::vector<batch_entry> batch{
    {create("late", "2"), true, past},
    {create("in time", "3"), true, in(1h)},
    {create("late without id"), false, past},
    {create("first", "1"), true, past}};
  auto outcome = run_batch(db, log, batch, std::nullopt);
  CAF_CHECK(outcome.outcome == status::committed);
  for (auto late : {0, 2}) {
    auto error = must_fail(outcome.results[static_cast<std::size_t>(late)]);
    CAF_CHECK(error.code == error_code::timeout);
    CAF_CHECK(error.outcome == write_outcome::not_applied);
  }
  // What was done in time is told whenever it is asked for.
  CAF_CHECK(outcome.results[3]->replayed);
  CAF_CHECK_EQUAL(sessions(), "first in time");
}

CAF_TEST(an epoch that is over commits nothing) {
  auto epoch = must(raise_epoch(db, in(1s)));
  std::vector<batch_entry> batch{{create("a", "1"), true}};
  auto of = [&](std::int64_t claimed) {
    return run_batch(db, log, batch, std::nullopt, claimed);
  };
  auto fenced = of(epoch - 1);
  CAF_CHECK(fenced.outcome == status::fenced);
  auto error = must_fail(fenced.results[0]);
  CAF_CHECK(error.code == error_code::unavailable);
  CAF_CHECK(error.outcome == write_outcome::not_applied);
  CAF_CHECK_EQUAL(error.method, "CreateSession");
  CAF_CHECK(of(epoch + 1).outcome == status::fenced);
  CAF_CHECK(!db.in_transaction());
  CAF_CHECK(of(epoch).outcome == status::committed);
  CAF_CHECK_EQUAL(sessions(), "a");
}

CAF_TEST(a batch tells how long each write occupied the connection) {
  auto slow = host_write("Slow", [](connection& on) -> result<boxed> {
    auto begun = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begun < 5ms)
      must(on.execute("SELECT 1"));
    return boxed{};
  });
  auto outcome = run({create("a"), slow});
  CAF_REQUIRE_EQUAL(outcome.occupied.size(), 2u);
  CAF_CHECK(outcome.occupied[0] > 0ns);
  CAF_CHECK(outcome.occupied[1] >= 5ms);
  CAF_CHECK(outcome.commit_took > 0ns);
}

CAF_TEST(a batch of nothing is committed) {
  auto outcome = run({});
  CAF_CHECK(outcome.outcome == status::committed);
}

CAF_TEST(a write that fails fails alone) {
  auto half = host_write(
    "Half", runs("INSERT INTO t VALUES (1);"
                 "INSERT INTO t VALUES (1)"));
  auto outcome =
    run({create("a", "1"), create("a", "2"), half, create("b", "4")});
  CAF_CHECK(outcome.outcome == status::committed);
  CAF_CHECK_EQUAL(
    told(outcome),
    "a, CONFLICT: UNIQUE constraint failed: sessions.id (CreateSession), "
    "CONFLICT: UNIQUE constraint failed: t.x (Half), b");
  CAF_CHECK_EQUAL(sessions(), "a b");
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
  CAF_CHECK_EQUAL(journaled(), "1 4");
}

CAF_TEST(a write that fails in a batch of its own leaves nothing) {
  auto half = host_write(
    "Half", runs("INSERT INTO t VALUES (1);"
                 "INSERT INTO t VALUES (1)"));
  auto outcome = run({half});
  CAF_CHECK(outcome.outcome == status::committed);
  CAF_CHECK_EQUAL(
    told(outcome), "CONFLICT: UNIQUE constraint failed: t.x (Half)");
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
}

CAF_TEST(a batch of failures ends its transaction) {
  run({create("a")});
  auto outcome = run({create("a"), create("a")});
  CAF_CHECK(outcome.outcome == status::committed);
  CAF_CHECK(!outcome.results[0]);
  CAF_CHECK(!outcome.results[1]);
  CAF_CHECK_EQUAL(told(run({create("b")})), "b");
}

CAF_TEST(a body that throws fails alone) {
  auto throws = host_write("Throws", [](connection& on) -> result<boxed> {
    must(on.execute("INSERT INTO t VALUES (1)"));
    throw std::runtime_error{"a reason"};
  });
  auto throws_more =
    host_write("More", [](connection&) -> result<boxed> { throw 1; });
  CAF_CHECK_EQUAL(
    told(run({create("a"), throws, throws_more, create("b")})),
    "a, INTERNAL: the method threw: a reason (Throws), "
    "INTERNAL: the method threw (More), b");
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
  CAF_CHECK_EQUAL(
    told(run({throws})), "INTERNAL: the method threw: a reason (Throws)");
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
}

CAF_TEST(what is thrown outside of a body takes the batch with it) {
  static auto codec = codec_for<void>();
  codec.encode_text_if = [](const boxed&, const text_filter&) -> std::string {
    throw std::runtime_error{"no text"};
  };
  auto write = std::make_shared<prepared_write>(
    *host_write("M", runs("INSERT INTO t VALUES (1)")));
  write->request_id = "m";
  write->returns = &codec;
  auto outcome = run({create("a", "1"), write, create("b", "3")});
  CAF_CHECK(outcome.outcome == status::interrupted);
  CAF_CHECK(outcome.thrown != nullptr);
  for (const auto& value : outcome.results) {
    CAF_CHECK_EQUAL(value.error().message, "the writer threw: no text");
    CAF_CHECK(value.error().outcome == write_outcome::not_applied);
  }
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
  CAF_CHECK_EQUAL(sessions(), "NULL");
  CAF_CHECK_EQUAL(journaled(), "NULL");
}

CAF_TEST(without the lock nothing is tried) {
  auto other = files.open();
  std::optional held{must(immediate_transaction::begin(other))};
  bool was_run = false;
  auto write = host_write("Host", [&](connection&) -> result<boxed> {
    was_run = true;
    return boxed{};
  });
  auto busy = "BUSY: database is locked (SQLITE_BUSY, 5)";
  auto deadline = in(5ms);
  for (auto patient : {lock_deadline{}, deadline}) {
    auto outcome = run({write, create("a")}, patient);
    CAF_CHECK(outcome.outcome == status::lock_not_had);
    CAF_CHECK_EQUAL(
      told(outcome),
      std::string{busy} + " (Host), " + busy + " (CreateSession)");
  }
  CAF_CHECK(std::chrono::steady_clock::now() >= *deadline);
  CAF_CHECK(!was_run);
  held.reset();
  CAF_CHECK_EQUAL(told(run({write, create("a")})), "ok, a");
}

CAF_TEST(a batch waits until the holder lets go) {
  auto other = files.open();
  std::optional held{must(immediate_transaction::begin(other))};
  std::promise<void> begun;
  auto batch = std::async(std::launch::async, [&] {
    begun.set_value();
    return run_batch(
      db, log, std::vector<batch_entry>{{create("a"), true}}, in(patience));
  });
  begun.get_future().wait();
  held.reset();
  CAF_CHECK_EQUAL(told(batch.get()), "a");
}

CAF_TEST(a resend takes effect once and returns the first result) {
  run({create("a", "1")});
  must(db.execute("UPDATE sessions SET title = 'changed since'"));
  for (int i = 0; i < 2; ++i) {
    auto outcome = run({create("a", "1")});
    CAF_CHECK_EQUAL(told(outcome), "a again");
    CAF_CHECK_EQUAL(outcome.results[0]->value.as<session>().title, "T");
  }
  CAF_CHECK_EQUAL(
    told(run({create("b", "2"), create("a", "1")})), "b, a again");
  CAF_CHECK_EQUAL(sessions(), "a b");
  CAF_CHECK_EQUAL(journaled(), "1 2");
}

CAF_TEST(a resend in the batch of its first sending takes effect once) {
  CAF_CHECK_EQUAL(
    told(run({create("a", "1"), create("a", "1"), create("b", "2")})),
    "a, a again, b");
  CAF_CHECK_EQUAL(sessions(), "a b");
}

CAF_TEST(a request id of another write is a conflict) {
  run({create("a", "1")});
  auto conflict = "CONFLICT: request_id reused for a different write "
                  "(CreateSession)";
  CAF_CHECK_EQUAL(told(run({create("b", "1")})), conflict);
  CAF_CHECK_EQUAL(
    told(run({create("b", "1"), create("c", "3")})),
    std::string{conflict} + ", c");
  CAF_CHECK_EQUAL(sessions(), "a c");
}

CAF_TEST(a write that failed may be sent again) {
  run({create("a")});
  CAF_CHECK_EQUAL(run({create("a", "1")}).results[0].has_error(), true);
  must(db.execute("DELETE FROM sessions"));
  CAF_CHECK_EQUAL(told(run({create("a", "1")})), "a");
}

CAF_TEST(what is not to be journaled is not ) {
  std::vector<batch_entry> batch{{create("a", "1"), false}};
  CAF_CHECK_EQUAL(told(run_batch(db, log, batch, std::nullopt)), "a");
  CAF_CHECK_EQUAL(journaled(), "NULL");
}

CAF_TEST(what is settled is forgotten by the next batch) {
  auto id = [](char number) {
    return std::string{"0123456789abcdef-00000000000"} + number;
  };
  run({create("a", id('1')), create("b", id('2')), create("c", "own")});
  run({create("d", id('3'), id('1'))});
  CAF_CHECK_EQUAL(journaled(), id('2') + " own " + id('3'));
  run(
    {create("e", id('4'), id('3')), create("f", id('5'), id('3')),
     create("g", "", "own")});
  CAF_CHECK_EQUAL(journaled(), id('4') + " " + id('5'));
}

CAF_TEST(old journal entries are forgotten by a batch a while later) {
  auto now = journal::clock::now();
  log = journal{[&] { return now; }};
  run({create("a", "1")});
  must(db.execute("UPDATE dbproxy_journal SET committed_at = 0"));
  now += std::chrono::seconds{1};
  run({create("b", "2")});
  CAF_CHECK_EQUAL(journaled(), "2");
}

CAF_TEST(a deferred foreign key fails only the write that broke it) {
  must(db.execute(
    "CREATE TABLE c (s REFERENCES sessions DEFERRABLE INITIALLY DEFERRED)"));
  auto orphan = host_write("Orphan", runs("INSERT INTO c VALUES ('absent')"));
  auto conflict = "CONFLICT: FOREIGN KEY constraint failed (Orphan)";
  CAF_CHECK_EQUAL(
    told(run({create("a"), orphan, create("b")})),
    "a, " + std::string{conflict} + ", b");
  CAF_CHECK_EQUAL(told(run({orphan})), conflict);
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM c"), "0");
}

CAF_TEST(a write that rolls everything back takes nobody with it) {
  must(db.execute("INSERT INTO t VALUES (1)"));
  auto rogue =
    host_write("Rogue", runs("INSERT OR ROLLBACK INTO t VALUES (1)"));
  auto conflict = "CONFLICT: UNIQUE constraint failed: t.x (Rogue)";
  auto outcome = run({create("a", "1"), rogue, create("b", "3")});
  CAF_CHECK(outcome.outcome == status::committed);
  CAF_CHECK_EQUAL(told(outcome), "a, " + std::string{conflict} + ", b");
  CAF_CHECK_EQUAL(sessions(), "a b");
  CAF_CHECK_EQUAL(journaled(), "1 3");
  CAF_CHECK_EQUAL(told(run({rogue})), conflict);
}

CAF_TEST(a write cannot end the transaction of the others) {
  for (std::string end : {"COMMIT", "ROLLBACK"}) {
    CAF_MESSAGE(end);
    std::string sql = "INSERT INTO t VALUES ('";
    sql.append(end).append("');").append(end);
    auto rogue = host_write("Rogue", runs(std::move(sql)));
    auto outcome = run({create("a" + end), rogue, create("b" + end)});
    CAF_CHECK_EQUAL(outcome.results[0]->value.as<session>().id, "a" + end);
    CAF_CHECK(!outcome.results[1]);
    CAF_CHECK_EQUAL(outcome.results[2]->value.as<session>().id, "b" + end);
    CAF_CHECK(!run({rogue}).results[0]);
  }
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
  CAF_CHECK_EQUAL(sessions(), "aCOMMIT bCOMMIT aROLLBACK bROLLBACK");
}

CAF_TEST(a full disk fails what does not fit and nothing else) {
  auto pages = std::stoi(row(db, "PRAGMA page_count"));
  row(db, "PRAGMA max_page_count = " + std::to_string(pages + 4));
  auto large = create("large", "2", "", std::string(1U << 20U, 'x'));
  auto outcome = run({create("a", "1"), large, create("b", "3")});
  CAF_CHECK_EQUAL(told(outcome), "a, " + std::string{full_error} + ", b");
  CAF_CHECK(outcome.results[1].error().outcome == write_outcome::not_applied);
  CAF_CHECK_EQUAL(told(run({large})), full_error);
  CAF_CHECK_EQUAL(sessions(), "a b");
  row(db, "PRAGMA max_page_count = 1000000");
  CAF_CHECK_EQUAL(told(run({large})), "large");
}

CAF_TEST(a commit that the disk refuses leaves the outcome open) {
  // In a child, because a limit on the size of files binds the whole process.
  run({create("before", "0")});
  auto path = files.path();
  auto options = files.options();
  {
    auto closed = std::move(db); // a child must not inherit it
  }
  child_process child{[&, this] {
    auto on = must(open_database(options));
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    auto unlimited = limit;
    limit.rlim_cur = std::filesystem::file_size(path + "-wal");
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::vector<batch_entry> batch{
      {create("a", "1"), true},
      {create("before", "0"), true},
      {create("before"), true},
      {create("a", "1"), true}};
    auto lost = run_batch(on, log, batch, std::nullopt);
    ::setrlimit(RLIMIT_FSIZE, &unlimited);
    auto had = run_batch(on, log, batch, std::nullopt);
    return std::to_string(static_cast<int>(lost.outcome)) + " " + told(lost)
           + "; " + std::string{to_string(lost.results[0].error().outcome)}
           + "; " + std::string{to_string(lost.results[2].error().outcome)}
           + "; " + told(had);
  }};
  auto lost = "INTERNAL: disk I/O error (SQLITE_IOERR_WRITE, 778) "
              "(CreateSession)";
  auto own = "CONFLICT: UNIQUE constraint failed: sessions.id (CreateSession)";
  CAF_CHECK_EQUAL(
    child.finish(), std::to_string(static_cast<int>(status::failed)) + " "
                      + lost + ", before again, " + own + ", " + lost
                      + "; unknown; not_applied; a, before again, " + own
                      + ", a again");
  db = files.open();
  CAF_CHECK_EQUAL(sessions(), "before a");
}

CAF_TEST_FIXTURE_SCOPE_END()
