// Who reads at the moment is known.
#define CAF_SUITE storage_wal_readers
#include "storage/wal_readers.hpp"

#include "temp_database.hpp"

#include <unistd.h>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture {
  temp_database files;
  connection db = files.open();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(wal_readers_tests, fixture)

CAF_TEST(a process in a read transaction is named) {
  auto reader = files.open(access::read_only);
  CAF_CHECK(find_wal_readers(files.path()).empty());
  must(reader.execute("BEGIN; SELECT count(*) FROM sqlite_schema"));
  auto readers = find_wal_readers(files.path());
  CAF_REQUIRE_EQUAL(readers.size(), 1u);
  CAF_CHECK_EQUAL(readers[0].pid, ::getpid());
  CAF_CHECK(!readers[0].program.empty());
  must(reader.execute("COMMIT"));
  CAF_CHECK(find_wal_readers(files.path()).empty());
}

CAF_TEST(to look does not give up the locks of this process) {
  auto reader = files.open(access::read_only);
  must(reader.execute("BEGIN; SELECT count(*) FROM sqlite_schema"));
  find_wal_readers(files.path());
  CAF_CHECK_EQUAL(find_wal_readers(files.path()).size(), 1u);
}

CAF_TEST(nobody reads what is not there) {
  CAF_CHECK(find_wal_readers(files.path() + "-no").empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
