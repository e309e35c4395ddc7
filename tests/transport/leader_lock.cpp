// The lock that makes a primary: exclusive between processes, gone with its
// holder, and the record that is in the file for just as long.
#define CAF_SUITE leader_lock

#include "transport/leader_lock.hpp"

#include "tests/transport/fixtures.hpp"

#include "caf/test/unit_test.hpp"

#include <fstream>
#include <thread>
#include <vector>

#include <sys/stat.h>

using namespace dbproxy;
using namespace dbproxy::test;

namespace fs = std::filesystem;

namespace {

const primary_record sample{
  "instance-1",
  4711,
  7,
  "ipc:///d/rpc-7.sock",
  "ipc:///d/pub-7.sock",
  "2026-01-31T12:00:00.000Z",
  "0.1.0"};

struct fixture {
  temp_directory temp;
  instance_directory directory = *instance_directory::open(temp / "a.db");

  std::optional<leader_lock> acquire() {
    auto lock = leader_lock::try_acquire(directory);
    if (!lock)
      CAF_FAIL(lock.error().message);
    return std::move(*lock);
  }

  bool held() {
    auto answer = is_held(directory);
    return answer && *answer;
  }

  std::optional<primary_record> primary() {
    auto found = find_primary(directory);
    if (!found)
      CAF_FAIL(found.error().message);
    return *found;
  }

  void write_lock_file(std::string_view text) {
    std::ofstream{directory.lock_path()} << text;
  }

  std::string lock_file() {
    std::ifstream file{directory.lock_path()};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(leader_lock_tests, fixture)

CAF_TEST(the lock is exclusive between processes) {
  pipe_ends told;
  child_process holder{[&] {
    auto lock = leader_lock::try_acquire(directory);
    told.tell(lock && *lock ? 1 : 0);
    sleep_for_ever();
    return 0;
  }};
  CAF_REQUIRE_EQUAL(told.hear(), 1);
  CAF_CHECK(!acquire());
  CAF_CHECK(held());
}

CAF_TEST(the lock is exclusive within a process) {
  auto first = acquire();
  CAF_REQUIRE(first);
  CAF_CHECK(first->held());
  CAF_CHECK(held());
  CAF_CHECK(!acquire());
  // A look at the file does not lose the lock, as one of POSIX would be.
  CAF_CHECK(held());
  CAF_CHECK(!acquire());
  first->release();
  CAF_CHECK(!first->held());
  CAF_CHECK(!held());
  CAF_CHECK(acquire());
}

CAF_TEST(the lock goes with a holder that is killed) {
  pipe_ends told;
  child_process holder{[&] {
    auto lock = leader_lock::try_acquire(directory);
    const bool published = lock && *lock && (*lock)->publish(sample);
    told.tell(published ? 1 : 0);
    sleep_for_ever();
    return 0;
  }};
  CAF_REQUIRE_EQUAL(told.hear(), 1);
  CAF_REQUIRE(primary() == sample);
  holder.kill();
  CAF_CHECK(!held());
  // The record is still in the file, and means nothing any more.
  CAF_CHECK(!lock_file().empty());
  CAF_CHECK(!primary());
  auto lock = acquire();
  CAF_REQUIRE(lock);
  // Nor does it mean anything under the next holder.
  CAF_CHECK(!primary());
}

CAF_TEST(of many that try at once one has the lock) {
  pipe_ends start;
  pipe_ends told;
  std::vector<std::unique_ptr<child_process>> children;
  constexpr int count = 8;
  children.reserve(count);
  for (int i = 0; i < count; ++i)
    children.push_back(std::make_unique<child_process>([&] {
      start.hear();
      auto lock = leader_lock::try_acquire(directory);
      told.tell(!lock ? 100 : *lock ? 1 : 0);
      sleep_for_ever();
      return 0;
    }));
  for (int i = 0; i < count; ++i)
    start.tell(0);
  int holders = 0;
  for (int i = 0; i < count; ++i)
    holders += told.hear();
  CAF_CHECK_EQUAL(holders, 1);
}

CAF_TEST(the file is private and never unlinked) {
  CAF_CHECK(!held());
  CAF_CHECK(!fs::exists(directory.lock_path()));
  struct stat before {};
  struct stat after {};
  {
    auto lock = acquire();
    CAF_REQUIRE(lock);
    CAF_REQUIRE_EQUAL(::stat(directory.lock_path().c_str(), &before), 0);
    CAF_CHECK_EQUAL(before.st_mode & 07777, 0600u);
    CAF_REQUIRE(lock->publish(sample));
    CAF_CHECK(!lock_file().empty());
  }
  CAF_REQUIRE_EQUAL(::stat(directory.lock_path().c_str(), &after), 0);
  CAF_CHECK_EQUAL(before.st_ino, after.st_ino);
  CAF_CHECK_EQUAL(after.st_size, 0);
}

CAF_TEST(the record is there only while the lock is held) {
  CAF_CHECK(!primary());
  auto lock = acquire();
  CAF_REQUIRE(lock);
  CAF_CHECK(!primary());
  CAF_REQUIRE(lock->publish(sample));
  CAF_CHECK(primary() == sample);
  auto renewed = sample;
  renewed.instance_id = "i";
  CAF_REQUIRE(lock->publish(renewed));
  CAF_CHECK(primary() == renewed);
  lock->release();
  CAF_CHECK(!primary());
  CAF_CHECK(!lock->publish(sample));
  CAF_CHECK(lock_file().empty());
  write_lock_file(R"({"instance_id":"x"})");
  CAF_CHECK(!primary());
}

CAF_TEST(a record that is not complete names nobody) {
  auto lock = acquire();
  CAF_REQUIRE(lock);
  CAF_REQUIRE(lock->publish(sample));
  const auto whole = lock_file();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_lock_file(std::string_view{whole}.substr(0, length));
    CAF_CHECK(!primary());
  }
  for (const auto* text :
       {"null\n", "[]\n", "{}\n", "nonsense\n", "\n", "{\"epoch\":1}\n"}) {
    write_lock_file(text);
    CAF_CHECK(!primary());
  }
  // What somebody is primary of stays theirs, whatever the file says.
  CAF_CHECK(held());
  CAF_CHECK(!acquire());
  // A later version may say more than this one knows.
  write_lock_file(
    whole.substr(0, whole.find_last_of('}')) + R"(,"later":[1]})" + "\n");
  CAF_CHECK(primary() == sample);
}

CAF_TEST(a reader sees a whole record or none) {
  auto lock = acquire();
  CAF_REQUIRE(lock);
  auto other = sample;
  other.instance_id = std::string(100, 'o');
  std::atomic<bool> done = false;
  std::jthread writer{[&] {
    for (int i = 0; i < 2000; ++i)
      if (!lock->publish(i % 2 == 0 ? sample : other))
        break;
    done = true;
  }};
  int wrong = 0;
  int seen = 0;
  while (!done || seen == 0) {
    const auto found = primary();
    seen += found ? 1 : 0;
    wrong += found && *found != sample && *found != other ? 1 : 0;
  }
  CAF_CHECK_EQUAL(wrong, 0);
}

CAF_TEST(a lock can be moved) {
  auto lock = acquire();
  CAF_REQUIRE(lock);
  leader_lock moved{std::move(*lock)};
  lock.reset();
  CAF_CHECK(moved.held());
  CAF_CHECK(held());
  temp_directory elsewhere;
  const auto other = instance_directory::open(elsewhere / "b.db");
  CAF_REQUIRE(other);
  auto second = leader_lock::try_acquire(*other);
  CAF_REQUIRE(second && *second);
  moved = std::move(**second);
  CAF_CHECK(!held());
  CAF_CHECK(moved.held());
  CAF_CHECK(*is_held(*other));
}

CAF_TEST(a forked child neither keeps the lock nor loses it) {
  auto lock = acquire();
  CAF_REQUIRE(lock);
  CAF_REQUIRE(lock->publish(sample));
  child_process loser{[&] {
    const bool held_by_child = lock->held();
    const bool published = lock->publish(sample).has_value();
    lock.reset();
    return held_by_child || published ? 1 : 0;
  }};
  CAF_CHECK_EQUAL(loser.wait(), 0);
  CAF_CHECK(primary() == sample);
  CAF_CHECK(lock->held());
  lock->release();
  pipe_ends told;
  child_process holder{[&] {
    const auto mine = acquire();
    if (::fork() == 0)
      told.tell(mine ? ::getpid() : 0);
    sleep_for_ever();
    return 0;
  }};
  const auto grandchild = told.hear();
  CAF_REQUIRE(grandchild > 0);
  CAF_CHECK(held());
  holder.kill();
  CAF_CHECK_EQUAL(::kill(grandchild, 0), 0);
  CAF_CHECK(!held());
  CAF_CHECK(acquire());
  ::kill(grandchild, SIGKILL);
}

CAF_TEST(a lock file that cannot be opened is an error and no lock) {
  fs::create_symlink(temp / "elsewhere", directory.lock_path());
  const auto taken = leader_lock::try_acquire(directory);
  CAF_REQUIRE(!taken);
  CAF_CHECK(
    taken.error().message.find(directory.lock_path().string())
    != std::string::npos);
  CAF_CHECK(!is_held(directory));
  CAF_CHECK(!find_primary(directory));
  CAF_CHECK(!fs::exists(temp / "elsewhere"));
}

CAF_TEST_FIXTURE_SCOPE_END()
