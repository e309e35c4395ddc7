// Tests of the shares of those who write, and of the queue that they wait in.
#define CAF_SUITE fair_share
#include "actors/fair_share.hpp"

#include "actors/commit_queue.hpp"
#include "messages/limits.hpp"

#include <memory>
#include <string>
#include <thread>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace std::chrono_literals;

namespace {

struct fixture {
  using clock = std::chrono::steady_clock;

  queued_write_ptr make(
    const std::string& source, const std::string& key,
    std::chrono::milliseconds timeout = 5s) {
    prepared_write write;
    write.source_instance_id = source;
    write.key = key;
    write.request_id = key;
    write.bytes = 1;
    auto item = std::make_shared<queued_write>();
    item->write = std::make_shared<const prepared_write>(std::move(write));
    item->deadline = now + timeout;
    item->admitted_at = now;
    return item;
  }

  std::string keys(const queued_batch& batch) {
    std::string out;
    for (const auto& entry : batch.entries)
      out += entry.write->key;
    return out;
  }

  /// The next batch, whether it is held back or not.
  void take_patiently(const std::string& expected) {
    auto ready = queue.ready_at(clock::now());
    CAF_REQUIRE(ready);
    std::this_thread::sleep_until(*ready);
    CAF_CHECK_EQUAL(keys(queue.take()), expected);
  }

  clock::time_point now = clock::now();
  fair_share shares;
  commit_queue queue{std::make_shared<metrics>(), nullptr};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(fair_share_tests, fixture)

CAF_TEST(a source that wrote more than the others is ahead until they follow) {
  for (const auto* source : {"a", "b", "c"})
    shares.note(source, now);
  CAF_CHECK(!shares.is_ahead("a"));
  for (int i = 0; i < 3; ++i)
    shares.note("a", now);
  CAF_CHECK(shares.is_ahead("a"));
  CAF_CHECK(!shares.is_ahead("b"));
  for (int i = 0; i < 3; ++i)
    for (const auto* source : {"b", "c"})
      shares.note(source, now);
  CAF_CHECK(!shares.is_ahead("a"));
}

CAF_TEST(a lone source is never ahead and one without a name neither) {
  for (int i = 0; i < 100; ++i) {
    shares.note("a", now);
    shares.note("", now);
  }
  CAF_CHECK(!shares.is_ahead("a"));
  CAF_CHECK(!shares.is_ahead(""));
}

CAF_TEST(what was long ago is not made up for) {
  for (int i = 0; i < 100; ++i)
    shares.note("a", now);
  shares.note("b", now);
  CAF_CHECK(!shares.is_ahead("b"));
  for (int i = 0; i < 10; ++i)
    shares.note("b", now);
  CAF_CHECK(shares.is_ahead("b"));
}

CAF_TEST(who has not written lately is forgotten) {
  shares.note("a", now);
  shares.note("b", now);
  shares.note("b", now);
  shares.note("b", now);
  CAF_CHECK(shares.is_ahead("b"));
  shares.forget(now + fair_share::memory + 1ms);
  CAF_CHECK(!shares.is_ahead("b"));
}

CAF_TEST(who is ahead waits for the next batch) {
  for (const auto* source : {"a", "b", "c"})
    queue.push(make(source, source));
  CAF_CHECK_EQUAL(keys(queue.take()), "abc");
  queue.pop_taken();
  for (int i = 0; i < 3; ++i) {
    queue.push(make("a", "a"));
    CAF_CHECK_EQUAL(keys(queue.take()), "a"); // nobody else is there
    queue.pop_taken();
  }
  for (const auto* source : {"a", "b", "c"})
    queue.push(make(source, source));
  CAF_CHECK_EQUAL(keys(queue.take()), "bc");
  CAF_CHECK_EQUAL(keys(queue.take()), "a");
}

CAF_TEST(who is alone in the queue and ahead is held back for a moment) {
  for (const auto* source : {"a", "b", "c"})
    queue.push(make(source, source));
  queue.take();
  queue.pop_taken();
  for (int i = 0; i < 3; ++i) {
    queue.push(make("a", "a"));
    CAF_CHECK_EQUAL(keys(queue.take()), "a");
    queue.pop_taken();
  }
  // Now it is ahead of the others.
  auto begun = clock::now();
  queue.push(make("a", "a"));
  CAF_CHECK(queue.take().entries.empty());
  auto ready = queue.ready_at(begun);
  CAF_REQUIRE(ready);
  CAF_CHECK(*ready > begun);
  CAF_CHECK(*ready <= clock::now() + commit_queue::hold_max);
  // As soon as another writes, both are taken.
  queue.push(make("b", "b"));
  CAF_CHECK(queue.ready_at(begun) == begun);
  CAF_CHECK_EQUAL(keys(queue.take()), "b");
  queue.pop_taken();
  take_patiently("a");
  queue.pop_taken();
  // When nobody does, it is soon not ahead of anybody any more.
  int held = 0;
  for (int i = 0; i < 20; ++i) {
    queue.push(make("a", "a"));
    auto present = clock::now();
    held += queue.ready_at(present) > present ? 1 : 0;
    take_patiently("a");
    queue.pop_taken();
  }
  CAF_CHECK_EQUAL(held, 1);
}

CAF_TEST(an empty queue is never ready) {
  CAF_CHECK(!queue.ready_at(now));
  CAF_CHECK(queue.take().entries.empty());
}

CAF_TEST(a batch is not made small for the sake of fairness) {
  queue.push(make("b", "0"));
  for (int i = 1; i < 9; ++i)
    queue.push(make("a", std::to_string(i)));
  queue.take();
  queue.pop_taken();
  queue.push(make("b", "b"));
  for (int i = 1; i < 9; ++i)
    queue.push(make("a", std::to_string(i)));
  CAF_CHECK_EQUAL(keys(queue.take()), "b12345678");
}

CAF_TEST(what was not begun is queued again in its place) {
  queue.push(make("a", "1"));
  queue.take();
  queue.push(make("a", "2"));
  queue.put_back();
  CAF_CHECK_EQUAL(queue.taken(), 0u);
  CAF_CHECK_EQUAL(keys(queue.take()), "12");
}

CAF_TEST(what a failed writer had is queued again and known to be uncertain) {
  auto nameless = make("a", "2");
  auto write = *nameless->write;
  write.request_id.reset();
  nameless->write = std::make_shared<const prepared_write>(write);
  queue.push(make("a", "1"));
  queue.push(nameless);
  queue.take();
  queue.push(make("a", "3"));
  auto lost = queue.recover();
  CAF_REQUIRE_EQUAL(lost.size(), 1u);
  CAF_CHECK(lost.front() == nameless);
  CAF_CHECK_EQUAL(keys(queue.take()), "13");
  auto batch = queue.pop_taken();
  CAF_CHECK(batch[0]->uncertain);
  CAF_CHECK(!batch[1]->uncertain);
}

CAF_TEST(the queue has a bound and its late ones leave it) {
  for (std::size_t i = 0; i < limits::queued_writes_max; ++i)
    CAF_REQUIRE(queue.push(make("a", "x", i == 0 ? 1ms : 5000ms)));
  CAF_CHECK(!queue.push(make("a", "y")));
  CAF_CHECK_EQUAL(queue.remove_late(now + 1ms).size(), 1u);
  CAF_CHECK(queue.push(make("a", "y")));
}

CAF_TEST_FIXTURE_SCOPE_END()
