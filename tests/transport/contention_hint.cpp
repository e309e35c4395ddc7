// What one instance says of contention all others of the database hear, for a
// moment, and whatever the disk is like.
#define CAF_SUITE contention_hint

#include "transport/contention_hint.hpp"

#include "tests/transport/fixtures.hpp"

#include "caf/test/unit_test.hpp"

#include <cstdint>
#include <fstream>
#include <memory>

#include <sys/stat.h>

using namespace dbproxy;
using namespace dbproxy::test;

namespace fs = std::filesystem;

namespace {

struct fixture {
  temp_directory temp;
  fs::path file = temp / "a.db.dbproxy/hint";

  std::shared_ptr<contention_hint> open() {
    auto directory = instance_directory::open(temp / "a.db");
    CAF_REQUIRE(directory);
    auto hint = contention_hint::open(*directory);
    CAF_REQUIRE(hint);
    return *hint;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(contention_hint_tests, fixture)

CAF_TEST(a mark is seen by everybody who has the hint open or opens it) {
  auto one = open();
  auto other = open();
  CAF_CHECK(!one->contended());
  one->mark();
  CAF_CHECK(other->contended());
  CAF_CHECK(open()->contended());
}

CAF_TEST(a stamp that no mark could have made is none) {
  auto hint = open();
  hint->mark();
  for (auto stamp : {INT64_C(0), INT64_C(-1), INT64_MAX}) {
    std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
    stream.write(reinterpret_cast<const char*>(&stamp), sizeof stamp);
    stream.close();
    CAF_CHECK(!hint->contended());
  }
}

// Else a mark would end the process when the disk is full.
CAF_TEST(the file has its space before anybody writes to it) {
  auto hint = open();
  struct stat status {};
  CAF_REQUIRE_EQUAL(stat(file.c_str(), &status), 0);
  CAF_CHECK(status.st_blocks > 0);
  CAF_CHECK_EQUAL(status.st_mode & 0777u, 0600u);
}

CAF_TEST(a hint that cannot be opened is an error that names it) {
  open();
  fs::remove(file);
  fs::create_directory(file);
  auto directory = instance_directory::open(temp / "a.db");
  auto hint = contention_hint::open(*directory);
  CAF_REQUIRE(!hint);
  CAF_CHECK(hint.error().code == error_code::internal);
  CAF_CHECK(hint.error().message.find(file.string()) != std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
