// SQLite's result codes as write errors: category, wording, retryability.
#define CAF_SUITE storage_sqlite_error
#include "storage/sqlite_error.hpp"

#include <sqlite3.h>

#include <string>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;

namespace {

std::string told(int code) {
  return to_string(make_sqlite_error(code, "what happened"));
}

} // namespace

CAF_TEST(a lock that is held is BUSY and may be tried again) {
  CAF_CHECK_EQUAL(told(SQLITE_BUSY), "BUSY: what happened (SQLITE_BUSY, 5)");
  CAF_CHECK_EQUAL(
    told(SQLITE_BUSY_SNAPSHOT),
    "BUSY: what happened (SQLITE_BUSY_SNAPSHOT, 517)");
  CAF_CHECK_EQUAL(
    told(SQLITE_BUSY_RECOVERY),
    "BUSY: what happened (SQLITE_BUSY_RECOVERY, 261)");
  CAF_CHECK_EQUAL(
    told(SQLITE_LOCKED), "BUSY: what happened (SQLITE_LOCKED, 6)");
  CAF_CHECK_EQUAL(
    told(SQLITE_LOCKED_SHAREDCACHE),
    "BUSY: what happened (SQLITE_LOCKED_SHAREDCACHE, 262)");
  CAF_CHECK_EQUAL(
    told(SQLITE_PROTOCOL), "BUSY: what happened (SQLITE_PROTOCOL, 15)");
  CAF_CHECK(make_sqlite_error(SQLITE_BUSY, "").is_retryable());
}

CAF_TEST(a failed constraint is a CONFLICT in the words of SQLite) {
  for (int code :
       {SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_FOREIGNKEY,
        SQLITE_CONSTRAINT_CHECK, SQLITE_CONSTRAINT_NOTNULL,
        SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_TRIGGER,
        SQLITE_CONSTRAINT})
    CAF_CHECK_EQUAL(told(code), "CONFLICT: what happened");
}

CAF_TEST(a value that is too big is a fault of the parameters) {
  CAF_CHECK_EQUAL(told(SQLITE_TOOBIG), "INVALID_PARAMS: what happened");
}

CAF_TEST(everything else is INTERNAL with the code by name and number) {
  CAF_CHECK_EQUAL(
    told(SQLITE_FULL), "INTERNAL: what happened (SQLITE_FULL, 13)");
  CAF_CHECK_EQUAL(
    told(SQLITE_IOERR_FSYNC),
    "INTERNAL: what happened (SQLITE_IOERR_FSYNC, 1034)");
  CAF_CHECK_EQUAL(
    told(SQLITE_READONLY_DBMOVED),
    "INTERNAL: what happened (SQLITE_READONLY_DBMOVED, 1032)");
  CAF_CHECK_EQUAL(
    told(SQLITE_NOTADB), "INTERNAL: what happened (SQLITE_NOTADB, 26)");
  CAF_CHECK(!make_sqlite_error(SQLITE_FULL, "").is_retryable());
}

CAF_TEST(an extended code without a name is told by its family) {
  CAF_CHECK_EQUAL(sqlite_code_name(SQLITE_IOERR | (200 << 8)), "SQLITE_IOERR");
  CAF_CHECK_EQUAL(sqlite_code_name(255), "unknown code");
}
