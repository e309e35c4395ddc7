// Opening databases: pragmas, migrations, many openers at once, the epoch, and
// what is said of a path that cannot be used.
#define CAF_SUITE storage_schema
#include "storage/schema.hpp"

#include "child_process.hpp"
#include "storage/scopes.hpp"
#include "storage/sql_text.hpp"
#include "temp_database.hpp"

#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;
namespace fs = std::filesystem;

namespace {

constexpr auto count_migrations =
  "SELECT count(*), min(version), max(version) FROM dbproxy_schema";

std::string all_migrations() {
  auto count = std::to_string(newest_schema_version());
  return count + "|1|" + count;
}

/// Opens like one of many, and tells which migrations there are.
std::string open_and_count(const open_options& options) {
  auto db = open_database(options);
  return db ? row(*db, count_migrations) : to_string(db.error());
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream{path} << text;
}

struct fixture {
  fixture() { ::chmod(files.directory().c_str(), 0777); }

  ~fixture() { ::chmod(files.directory().c_str(), 0777); }

  /// What opening says to a user whom file modes bind.
  std::string refusal(dbproxy::access mode = dbproxy::access::read_write) {
    auto options = files.options(mode);
    return as_ordinary_user([&] {
      auto db = open_database(options);
      return db ? std::string{"opened"} : to_string(db.error());
    });
  }

  std::string refused(std::string_view why) {
    return "INTERNAL: cannot open the database " + files.path() + ": "
           + std::string{why};
  }

  temp_database files;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(schema_tests, fixture)

CAF_TEST(every connection has the pragmas that make it ours) {
  auto db = files.open();
  CAF_CHECK_EQUAL(row(db, "PRAGMA journal_mode"), "wal");
  CAF_CHECK_EQUAL(row(db, "PRAGMA synchronous"), "1");
  CAF_CHECK_EQUAL(row(db, "PRAGMA foreign_keys"), "1");
  CAF_CHECK_EQUAL(row(db, "PRAGMA wal_autocheckpoint"), "0");
  CAF_CHECK_EQUAL(rows(db, "PRAGMA mmap_size").size(), 1u);
  CAF_CHECK_EQUAL(row(db, "PRAGMA mmap_size"), "0");
  CAF_CHECK_EQUAL(row(db, "PRAGMA trusted_schema"), "1");
  CAF_CHECK_EQUAL(row(db, "PRAGMA cell_size_check"), "1");
  CAF_CHECK_EQUAL(
    row(db, "PRAGMA journal_size_limit"),
    std::to_string(limits::wal_file_bytes_max));
  int no_checkpoint = 0;
  sqlite3_db_config(
    db.native(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1, &no_checkpoint);
  CAF_CHECK_EQUAL(no_checkpoint, 1);
  auto full = files.options();
  full.sync = sync_mode::full;
  auto durable = must(open_connection(full));
  CAF_CHECK_EQUAL(row(durable, "PRAGMA synchronous"), "2");
  CAF_CHECK_EQUAL(row(durable, "PRAGMA foreign_keys"), "1");
  auto reader = files.open(dbproxy::access::read_only);
  CAF_CHECK_EQUAL(row(reader, "PRAGMA trusted_schema"), "0");
}

CAF_TEST(the WAL outlives the last connection) {
  must(files.open().execute("CREATE TABLE t (x)"));
  CAF_CHECK(fs::file_size(files.path() + "-wal") > 0);
  auto db = files.open();
  CAF_CHECK_EQUAL(row(db, "SELECT count(*) FROM t"), "0");
}

CAF_TEST(a new database gets every migration once) {
  {
    auto db = files.open();
    CAF_CHECK_EQUAL(row(db, count_migrations), all_migrations());
    CAF_CHECK_EQUAL(must(read_schema_version(db)), newest_schema_version());
    CAF_CHECK_EQUAL(
      row(
        db, "SELECT name, applied_at > 1.7e9 FROM dbproxy_schema"
            " WHERE version = 1"),
      "querier|1");
    CAF_CHECK_EQUAL(row(db, "PRAGMA user_version"), "0");
  }
  auto again = files.open();
  CAF_CHECK_EQUAL(row(again, count_migrations), all_migrations());
}

CAF_TEST(the tables of a host application are left alone) {
  {
    auto db = must(open_connection(files.options()));
    CAF_CHECK_EQUAL(must(read_schema_version(db)), 0);
    must(db.execute("CREATE TABLE host (x); INSERT INTO host VALUES (1);"
                    "PRAGMA user_version = 42"));
  }
  auto db = files.open();
  CAF_CHECK_EQUAL(row(db, "SELECT x FROM host"), "1");
  CAF_CHECK_EQUAL(row(db, "PRAGMA user_version"), "42");
}

CAF_TEST(a database in another journal mode is switched to WAL) {
  sqlite3* stock = nullptr;
  sqlite3_open(files.path().c_str(), &stock);
  sqlite3_exec(
    stock, "PRAGMA journal_mode = DELETE; CREATE TABLE t (x)", nullptr, nullptr,
    nullptr);
  sqlite3_close(stock);
  auto db = files.open();
  CAF_CHECK_EQUAL(row(db, "PRAGMA journal_mode"), "wal");
}

CAF_TEST(many processes may open a new path at once) {
  int gate[2];
  CAF_REQUIRE_EQUAL(::pipe(gate), 0);
  auto options = files.options();
  std::vector<std::unique_ptr<child_process>> children;
  for (int i = 0; i < 6; ++i)
    children.push_back(std::make_unique<child_process>([&] {
      char byte = 0;
      ::close(gate[1]);
      if (::read(gate[0], &byte, 1) != 0) // until the parent closes its end
        return std::string{"the gate is broken"};
      return open_and_count(options);
    }));
  ::close(gate[0]);
  ::close(gate[1]);
  for (auto& child : children)
    CAF_CHECK_EQUAL(child->finish(), all_migrations());
}

CAF_TEST(many threads may open a new path at once) {
  constexpr int openers = 8;
  std::latch ready{openers};
  std::vector<std::future<std::string>> outcomes;
  for (int i = 0; i < openers; ++i)
    outcomes.push_back(std::async(std::launch::async, [&] {
      ready.arrive_and_wait();
      return open_and_count(files.options());
    }));
  for (auto& outcome : outcomes)
    CAF_CHECK_EQUAL(outcome.get(), all_migrations());
}

CAF_TEST(an opener waits for the lock that a migration needs) {
  auto holder = must(open_connection(files.options()));
  auto held = std::make_unique<immediate_transaction>(
    must(immediate_transaction::begin(holder)));
  auto impatient = files.options();
  impatient.open_wait = 0ms;
  auto error = must_fail(open_database(impatient));
  CAF_CHECK_EQUAL(
    to_string(error),
    "BUSY: cannot open the database " + files.path()
      + ": database is locked (SQLITE_BUSY, 5); another program holds its "
        "lock: end that one, or try again");
  auto opener = std::async(std::launch::async, open_and_count, files.options());
  held.reset();
  CAF_CHECK_EQUAL(opener.get(), all_migrations());
}

CAF_TEST(a newer schema is refused with both versions) {
  must(files.open().execute(
    "INSERT INTO dbproxy_schema VALUES (99, 'from the future', 0)"));
  auto expected = refused(
    "its schema has version 99, this program has "
    + std::to_string(newest_schema_version()) + "; upgrade this program");
  for (auto mode : {dbproxy::access::read_write, dbproxy::access::read_only})
    CAF_CHECK_EQUAL(
      to_string(must_fail(open_database(files.options(mode)))), expected);
}

CAF_TEST(a reader does not migrate and says who does) {
  must(must(open_connection(files.options())).execute("CREATE TABLE t (x)"));
  CAF_CHECK_EQUAL(
    to_string(
      must_fail(open_database(files.options(dbproxy::access::read_only)))),
    refused(
      "its schema has version 0, this program has "
      + std::to_string(newest_schema_version())
      + "; open it for writing once, which brings it up to date"));
}

CAF_TEST(a reader cannot write) {
  files.open();
  auto db = files.open(dbproxy::access::read_only);
  CAF_CHECK_EQUAL(row(db, count_migrations), all_migrations());
  CAF_CHECK_EQUAL(
    failure(db.execute("DELETE FROM sessions")),
    "INTERNAL: attempt to write a readonly database (SQLITE_READONLY, 8)");
}

CAF_TEST(tables of the same name are no reason to overwrite them) {
  must(must(open_connection(files.options()))
         .execute("CREATE TABLE sessions (mine)"));
  CAF_CHECK_EQUAL(
    to_string(must_fail(open_database(files.options()))),
    refused("table sessions already exists (SQLITE_ERROR, 1); another program "
            "may have tables of the same names there: give the path of "
            "another file"));
  auto db = must(open_connection(files.options()));
  CAF_CHECK_EQUAL(must(read_schema_version(db)), 0);
  CAF_CHECK_EQUAL(
    row(db, "SELECT group_concat(name) FROM sqlite_schema"), "sessions");
}

CAF_TEST(a file that is no database is refused and left as it is) {
  std::string text(5000, 'x');
  write_file(files.path(), text);
  for (auto mode : {dbproxy::access::read_write, dbproxy::access::read_only})
    CAF_CHECK_EQUAL(
      to_string(must_fail(open_database(files.options(mode)))),
      refused("file is not a database (SQLITE_NOTADB, 26); give the path of a "
              "SQLite database, or of a file that does not exist yet"));
  std::ifstream file{files.path()};
  CAF_CHECK_EQUAL(std::string(std::istreambuf_iterator<char>{file}, {}), text);
}

CAF_TEST(a directory is refused) {
  fs::create_directory(files.path());
  CAF_CHECK_EQUAL(
    refusal(), refused("unable to open database file (SQLITE_CANTOPEN, 14); "
                       "give the path of a file, not of a directory"));
}

CAF_TEST(a directory that is not there is named) {
  auto options = files.options();
  options.path = files.directory() / "absent" / "test.db";
  CAF_CHECK(contains(
    to_string(must_fail(open_database(options))),
    "; create the directory " + (files.directory() / "absent").string()));
}

CAF_TEST(a reader does not make a database) {
  CAF_CHECK_EQUAL(
    refusal(dbproxy::access::read_only),
    refused("unable to open database file (SQLITE_CANTOPEN, 14); open it for "
            "writing once, which creates it"));
  CAF_CHECK(!fs::exists(files.path()));
}

CAF_TEST(a file that may not be read is refused) {
  files.open();
  ::chmod(files.path().c_str(), 0);
  CAF_CHECK_EQUAL(
    refusal(), refused("unable to open database file (SQLITE_CANTOPEN, 14); "
                       "let this user read the file"));
}

CAF_TEST(a file that may only be read is refused for writing) {
  files.open();
  ::chmod(files.path().c_str(), 0444);
  CAF_CHECK_EQUAL(
    refusal(),
    refused("attempt to write a readonly database (SQLITE_READONLY, 8); let "
            "this user write the file"));
}

CAF_TEST(a directory that may not be written is refused) {
  ::chmod(files.directory().c_str(), 0555);
  CAF_CHECK_EQUAL(
    refusal(), refused(
                 "unable to open database file (SQLITE_CANTOPEN, 14); "
                 "let this user write in the directory "
                 + files.directory().string()
                 + ", where SQLite keeps the -wal and -shm files"));
}

CAF_TEST(a database in a directory that may not be written is refused) {
  files.open();
  sqlite3* stock = nullptr;
  sqlite3_open(files.path().c_str(), &stock);
  sqlite3_exec(stock, "SELECT 1 FROM sessions", nullptr, nullptr, nullptr);
  sqlite3_close(stock); // the last one: the WAL goes
  CAF_REQUIRE(!fs::exists(files.path() + "-wal"));
  ::chmod(files.path().c_str(), 0666);
  ::chmod(files.directory().c_str(), 0555);
  CAF_CHECK_EQUAL(
    refusal(), refused(
                 "attempt to write a readonly database "
                 "(SQLITE_READONLY_DIRECTORY, 1544); let this user write "
                 "in the directory "
                 + files.directory().string()
                 + ", where SQLite keeps the -wal and -shm files"));
  ::chmod(files.directory().c_str(), 0777);
  CAF_CHECK_EQUAL(refusal(), "opened");
}

CAF_TEST(the epoch grows by one each time and is the same for all) {
  auto db = files.open();
  auto other = files.open();
  CAF_CHECK_EQUAL(must(read_epoch(db)), 0);
  CAF_CHECK_EQUAL(must(raise_epoch(db, std::nullopt)), 1);
  CAF_CHECK_EQUAL(must(raise_epoch(other, std::nullopt)), 2);
  CAF_CHECK_EQUAL(must(raise_epoch(db, std::nullopt)), 3);
  CAF_CHECK_EQUAL(must(read_epoch(other)), 3);
  auto reader = files.open(dbproxy::access::read_only);
  CAF_CHECK_EQUAL(must(read_epoch(reader)), 3);
}

CAF_TEST(the epoch waits for the lock until its deadline) {
  auto db = files.open();
  auto other = files.open();
  {
    auto held = must(immediate_transaction::begin(other));
    auto deadline = in(5ms);
    CAF_CHECK_EQUAL(
      must_fail(raise_epoch(db, deadline)).code, error_code::busy);
    CAF_CHECK(std::chrono::steady_clock::now() >= *deadline);
  }
  CAF_CHECK_EQUAL(must(raise_epoch(db, in(5ms))), 1);
}

CAF_TEST(the linked SQLite is told) {
  CAF_CHECK_EQUAL(sqlite_version(), sqlite3_libversion());
  CAF_CHECK_EQUAL(has_wal_reset_fix(), sqlite3_libversion_number() >= 3051003);
}

CAF_TEST_FIXTURE_SCOPE_END()
