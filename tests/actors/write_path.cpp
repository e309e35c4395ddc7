// Tests of the way of an instance's writes: directly, forwarded, to its own
// coordinator, in order, and what is known of a write that was not answered.
#define CAF_SUITE write_path
#include "actors/write_path.hpp"
#include "messages/limits.hpp"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace std::chrono_literals;

namespace {

/// Surroundings that do what the test says, when it says so.
struct fixture {
  using clock = std::chrono::steady_clock;

  struct batch {
    write_batch content;
    std::function<void(result<batch_result>)> then;
  };

  struct forwarded {
    forward_command content;
    std::function<void(result<written>)> then;
  };

  struct submitted {
    submission content;
    std::function<void(result<written>)> then;
  };

  bool primary = true;
  bool leading = false;
  bool contended = false;
  std::optional<std::int64_t> epoch;
  int marks = 0;
  std::size_t retries = 0;
  std::deque<batch> batches;
  std::deque<forwarded> sent;
  std::deque<submitted> own;
  std::deque<std::function<void()>> later;
  std::vector<settled_from> settled;
  std::vector<committed_notice> notices;
  std::vector<std::pair<std::string, result<write_route>>> answers;
  write_path route{ports()};

  write_ports ports() {
    write_ports out;
    out.execute = [this](write_batch content, auto then) {
      batches.push_back({std::move(content), std::move(then)});
    };
    out.forward = [this](forward_command content, auto then) {
      sent.push_back({std::move(content), std::move(then)});
    };
    out.submit = [this](submission content, auto then) {
      own.push_back({std::move(content), std::move(then)});
    };
    out.later = [this](auto then) { later.push_back(std::move(then)); };
    out.is_primary = [this] { return leading; };
    out.epoch = [this] { return epoch; };
    out.announce = [this](committed_notice notice) {
      notices.push_back(std::move(notice));
    };
    out.retried = [this](std::size_t writes) { retries += writes; };
    out.primary_known = [this] { return primary; };
    out.contended = [this] { return contended; };
    out.mark_contended = [this] { ++marks; };
    return out;
  }

  void submit(
    const std::string& name, std::chrono::milliseconds timeout = 5s,
    bool journaled = false) {
    prepared_write write;
    write.method = "M";
    write.topic = "t";
    write.key = name;
    write.request_id = name;
    write.bytes = 1;
    route.submit(
      std::make_shared<const prepared_write>(std::move(write)),
      clock::now() + timeout, journaled,
      [this, name](
        const result<written>& outcome, write_route way, settled_from when) {
        settled.push_back(when);
        answers.emplace_back(
          name, outcome ? result<write_route>{way} : outcome.error());
      });
  }

  std::string keys(const write_batch& content) {
    std::string out;
    for (const auto& entry : content.entries)
      out += entry.write->key;
    return out;
  }

  batch take_batch() {
    CAF_REQUIRE(!batches.empty());
    auto out = std::move(batches.front());
    batches.pop_front();
    return out;
  }

  submitted take_own() {
    CAF_REQUIRE(!own.empty());
    auto out = std::move(own.front());
    own.pop_front();
    return out;
  }

  void pass_time() {
    for (auto& then : std::exchange(later, {}))
      then();
  }

  void commit() {
    auto next = take_batch();
    batch_result done;
    done.outcome = batch_result::status::committed;
    done.results.assign(next.content.entries.size(), written{});
    done.wal_pages = 7;
    next.then(std::move(done));
  }

  void refuse(batch_result::status outcome, const write_error& error) {
    auto next = take_batch();
    batch_result refused;
    refused.outcome = outcome;
    refused.results.assign(next.content.entries.size(), error);
    next.then(std::move(refused));
  }

  void busy() {
    refuse(
      batch_result::status::lock_not_had, make_error(error_code::busy, "busy"));
  }

  void interrupt() {
    refuse(
      batch_result::status::interrupted,
      make_error(error_code::internal, "thrown"));
  }

  void reply(result<written> outcome) {
    CAF_REQUIRE(!sent.empty());
    auto next = std::move(sent.front());
    sent.pop_front();
    next.then(std::move(outcome));
  }

  std::string order() const {
    std::string out;
    for (const auto& [name, outcome] : answers)
      out += name;
    return out;
  }

  static write_error gone(write_outcome outcome) {
    auto error = make_error(error_code::unreachable, "gone");
    error.outcome = outcome;
    return error;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(write_path_tests, fixture)

CAF_TEST(a lone write goes directly and without waiting for the lock) {
  submit("a");
  CAF_CHECK(!batches.front().content.lock_deadline);
  CAF_CHECK(!batches.front().content.entries.front().journaled);
  commit();
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_CHECK(answers[0].second.value() == write_route::direct);
  CAF_REQUIRE_EQUAL(notices.size(), 1u);
  CAF_CHECK_EQUAL(notices[0].announcements[0].payload.key, "a");
  CAF_CHECK_EQUAL(notices[0].wal_pages, 7);
  CAF_CHECK_EQUAL(route.open(), 0u);
}

CAF_TEST(what is asked for meanwhile is the next batch) {
  submit("a");
  submit("b");
  submit("c");
  CAF_CHECK_EQUAL(batches.size(), 1u);
  commit();
  CAF_REQUIRE_EQUAL(batches.size(), 1u);
  CAF_CHECK_EQUAL(keys(batches.front().content), "bc");
  commit();
  CAF_CHECK_EQUAL(order(), "abc");
}

CAF_TEST(a busy lock sends everything to the primary in order) {
  submit("a");
  submit("b");
  busy();
  // It may have been a checkpoint: the primary knows.
  CAF_CHECK_EQUAL(marks, 0);
  CAF_CHECK_EQUAL(retries, 1u);
  CAF_REQUIRE_EQUAL(sent.size(), 2u);
  CAF_CHECK(sent[0].content.write->key == "a");
  CAF_CHECK(sent[1].content.write->key == "b");
  reply(written{});
  CAF_CHECK(answers[0].second.value() == write_route::forwarded);
}

CAF_TEST(the way back to direct writes is free when nothing is forwarded) {
  submit("a");
  submit("b");
  busy();
  reply(written{});
  // One is still on its way: nothing may overtake it.
  submit("c");
  CAF_CHECK(batches.empty());
  CAF_CHECK_EQUAL(sent.size(), 1u);
  reply(written{});
  CAF_REQUIRE_EQUAL(batches.size(), 1u);
  commit();
  CAF_CHECK_EQUAL(order(), "abc");
  CAF_CHECK(answers[2].second.value() == write_route::direct);
}

CAF_TEST(what waits for others on their way is looked at again) {
  submit("a");
  busy();
  submit("b");
  CAF_CHECK_EQUAL(sent.size(), 1u);
  // The primary has met the lock, too.
  contended = true;
  pass_time();
  CAF_CHECK_EQUAL(sent.size(), 2u);
  reply(written{});
  reply(written{});
  CAF_CHECK_EQUAL(order(), "ab");
}

CAF_TEST(a write that waits for others is answered at its own deadline) {
  submit("a");
  busy();
  submit("b", 0ms);
  pass_time();
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_CHECK_EQUAL(order(), "b");
  CAF_CHECK(answers[0].second.error().code == error_code::busy);
  CAF_CHECK(answers[0].second.error().outcome == write_outcome::not_applied);
}

CAF_TEST(a writer that does not come back leaves open what it has) {
  submit("a", -write_path::execution_grace);
  submit("b");
  pass_time();
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_CHECK(answers[0].second.error().code == error_code::timeout);
  CAF_CHECK(answers[0].second.error().outcome == write_outcome::unknown);
  CAF_CHECK(settled[0] == settled_from::deadline);
  // It comes back after all: nobody is told twice, and the rest goes on.
  commit();
  commit();
  CAF_CHECK_EQUAL(order(), "ab");
  CAF_CHECK_EQUAL(notices.size(), 2u);
}

CAF_TEST(what was answered in the meantime is not asked for again) {
  submit("a", -write_path::execution_grace);
  pass_time();
  busy();
  CAF_CHECK(sent.empty());
  submit("b", -write_path::execution_grace);
  pass_time();
  interrupt();
  CAF_CHECK(batches.empty());
  pass_time();
  CAF_CHECK(batches.empty());
  CAF_CHECK_EQUAL(answers.size(), 2u);
  CAF_CHECK_EQUAL(route.open(), 0u);
}

CAF_TEST(under contention writes follow those that are on their way) {
  contended = true;
  submit("a");
  submit("b");
  CAF_CHECK_EQUAL(sent.size(), 2u);
  CAF_CHECK(batches.empty());
}

CAF_TEST(under contention a write is forwarded at once) {
  contended = true;
  submit("a");
  CAF_CHECK(batches.empty());
  CAF_CHECK_EQUAL(sent.size(), 1u);
}

CAF_TEST(without a primary contention is waited out) {
  primary = false;
  contended = true;
  submit("a");
  CAF_REQUIRE_EQUAL(batches.size(), 1u);
  busy();
  CAF_CHECK_EQUAL(marks, 1);
  CAF_REQUIRE_EQUAL(batches.size(), 1u);
  CAF_CHECK(batches.front().content.lock_deadline.has_value());
  commit();
  CAF_CHECK(answers[0].second.value() == write_route::direct);
}

CAF_TEST(a primary that is gone gives its writes back in order) {
  contended = true;
  submit("a");
  submit("b");
  submit("c");
  primary = false;
  reply(gone(write_outcome::not_applied));
  reply(gone(write_outcome::unknown));
  CAF_CHECK(batches.empty());
  reply(gone(write_outcome::unknown));
  CAF_REQUIRE_EQUAL(batches.size(), 1u);
  const auto& content = batches.front().content;
  CAF_CHECK_EQUAL(keys(content), "abc");
  // What a primary may have committed is looked up in the journal.
  CAF_CHECK(!content.entries[0].journaled);
  CAF_CHECK(content.entries[1].journaled);
  CAF_CHECK(content.entries[2].journaled);
  commit();
  CAF_CHECK_EQUAL(order(), "abc");
}

CAF_TEST(a write whose id was chosen is journalled on the direct way too) {
  submit("a", 5s, true);
  CAF_CHECK(batches.front().content.entries.front().journaled);
  commit();
}

CAF_TEST(at the deadline a write that was never sent is not applied) {
  primary = false;
  submit("a", 0ms);
  busy();
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  const auto& error = answers[0].second.error();
  CAF_CHECK(error.code == error_code::unreachable);
  CAF_CHECK(error.outcome == write_outcome::not_applied);
}

CAF_TEST(at the deadline a write that was sent is unknown) {
  contended = true;
  submit("a", 0ms);
  primary = false;
  reply(gone(write_outcome::unknown));
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_CHECK(answers[0].second.error().code == error_code::unreachable);
  CAF_CHECK(answers[0].second.error().outcome == write_outcome::unknown);
}

CAF_TEST(the bound on open writes is named) {
  for (std::size_t i = 0; i <= limits::instance_writes_max; ++i)
    submit("x");
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  const auto& error = answers[0].second.error();
  CAF_CHECK(error.code == error_code::busy);
  CAF_CHECK(error.message.find("instance_writes_max") != std::string::npos);
  commit();
  CAF_CHECK_EQUAL(
    batches.front().content.entries.size(), limits::batch_rows_max);
}

CAF_TEST(a lone write of a primary goes to the writer in its epoch) {
  leading = true;
  epoch = 7;
  submit("a");
  CAF_CHECK(own.empty());
  CAF_REQUIRE_EQUAL(batches.size(), 1u);
  CAF_CHECK(batches[0].content.epoch == 7);
  CAF_CHECK(!batches[0].content.lock_deadline);
  CAF_CHECK(!batches[0].content.entries[0].journaled);
  // What comes meanwhile goes to the coordinator, and so does what comes after.
  submit("b");
  submit("c");
  CAF_CHECK(own.empty());
  commit();
  CAF_CHECK(answers[0].second.value() == write_route::local);
  CAF_CHECK(settled[0] == settled_from::unrecorded);
  CAF_CHECK_EQUAL(own.size(), 2u);
  submit("d");
  CAF_CHECK(batches.empty());
  CAF_REQUIRE_EQUAL(own.size(), 3u);
  for (int i = 0; i < 3; ++i)
    take_own().then(written{});
  submit("e");
  CAF_CHECK_EQUAL(batches.size(), 1u);
  commit();
  CAF_CHECK_EQUAL(order(), "abcde");
}

CAF_TEST(a primary sends its writes to the coordinator where others write) {
  leading = true;
  epoch = 7;
  contended = true;
  submit("a");
  CAF_CHECK_EQUAL(own.size(), 1u);
}

CAF_TEST(a primary without the lock or with an old epoch asks its coordinator) {
  leading = true;
  epoch = 7;
  for (auto status :
       {batch_result::status::lock_not_had, batch_result::status::fenced}) {
    submit("a");
    refuse(status, make_error(error_code::busy, "no"));
    CAF_REQUIRE_EQUAL(own.size(), 1u);
    take_own().then(written{});
  }
  CAF_CHECK_EQUAL(order(), "aa");
}

CAF_TEST(a primary of an unknown epoch sends everything to the coordinator) {
  leading = true;
  submit("a");
  submit("b");
  CAF_CHECK(batches.empty() && sent.empty());
  CAF_REQUIRE_EQUAL(own.size(), 2u);
  take_own().then(written{});
  take_own().then(written{});
  CAF_CHECK_EQUAL(order(), "ab");
  CAF_CHECK(answers[0].second.value() == write_route::local);
}

CAF_TEST(an instance that became primary waits for what the old one had) {
  contended = true;
  submit("a");
  submit("b");
  leading = true;
  primary = false;
  submit("c");
  CAF_CHECK(own.empty());
  reply(gone(write_outcome::unknown));
  reply(gone(write_outcome::unknown));
  CAF_REQUIRE_EQUAL(own.size(), 3u);
  for (const auto* name : {"a", "b", "c"}) {
    auto next = take_own();
    CAF_CHECK(next.content.write->key == name);
    next.then(written{});
  }
}

CAF_TEST(an instance that stepped down waits for what its coordinator had) {
  leading = true;
  submit("a");
  leading = false;
  contended = true;
  submit("b");
  CAF_CHECK(sent.empty() && batches.empty());
  take_own().then(written{});
  CAF_REQUIRE_EQUAL(sent.size(), 1u);
  CAF_CHECK(sent[0].content.write->key == "b");
}

CAF_TEST(a coordinator that failed is asked again in a moment) {
  leading = true;
  submit("a");
  take_own().then(gone(write_outcome::unknown));
  CAF_CHECK(own.empty() && batches.empty());
  pass_time();
  CAF_REQUIRE_EQUAL(own.size(), 1u);
  take_own().then(written{});
  CAF_CHECK(answers[0].second.has_value());
}

CAF_TEST(a writer that failed leaves open what was not to be journalled) {
  submit("a");
  submit("b", 5s, true);
  commit();
  submit("c");
  submit("d", 5s, true);
  auto lost = take_batch();
  lost.then(gone(write_outcome::unknown));
  // "b" was alone in its batch and can be asked for again.
  CAF_CHECK_EQUAL(order(), "a");
  pass_time();
  CAF_CHECK_EQUAL(keys(batches.front().content), "bcd");
  CAF_CHECK(batches.front().content.entries[0].journaled);
  CAF_CHECK(!batches.front().content.entries[1].journaled);
  take_batch().then(gone(write_outcome::unknown));
  CAF_REQUIRE_EQUAL(order(), "ac");
  CAF_CHECK(answers[1].second.error().outcome == write_outcome::unknown);
  pass_time();
  CAF_CHECK_EQUAL(keys(batches.front().content), "bd");
  commit();
  CAF_CHECK_EQUAL(order(), "acbd");
}

CAF_TEST(a writer that failed before the commit loses nothing) {
  submit("a");
  interrupt();
  CAF_CHECK(answers.empty() && batches.empty());
  pass_time();
  CAF_CHECK_EQUAL(keys(batches.front().content), "a");
  CAF_CHECK(!batches.front().content.entries[0].journaled);
  commit();
  CAF_CHECK(answers[0].second.has_value());
}

CAF_TEST(a write that the writer throws with again and again is given up) {
  submit("a");
  submit("b");
  for (int i = 1; i < write_path::interruptions_max; ++i) {
    interrupt();
    CAF_CHECK(answers.empty());
    pass_time();
  }
  // "b" was asked for when "a" was on its way already.
  interrupt();
  CAF_REQUIRE_EQUAL(order(), "a");
  const auto& error = answers[0].second.error();
  CAF_CHECK(error.code == error_code::internal);
  CAF_CHECK(error.outcome == write_outcome::not_applied);
  pass_time();
  commit();
  CAF_CHECK_EQUAL(order(), "ab");
}

CAF_TEST(a writer that was not there loses nothing) {
  submit("a");
  take_batch().then(gone(write_outcome::not_applied));
  pass_time();
  CAF_CHECK(!batches.front().content.entries[0].journaled);
  commit();
  CAF_CHECK(answers[0].second.has_value());
}

CAF_TEST(a write is settled when nobody else can have it any more) {
  submit("a");
  commit();
  CAF_CHECK(settled.back() == settled_from::unrecorded);
  contended = true;
  submit("b");
  reply(written{});
  CAF_CHECK(settled.back() == settled_from::answer);
  // A primary that went silent may still have it when we have written it.
  submit("c");
  primary = false;
  reply(gone(write_outcome::unknown));
  commit();
  CAF_CHECK(settled.back() == settled_from::deadline);
  primary = true;
  submit("d");
  auto unknown = make_error(error_code::timeout, "late");
  unknown.outcome = write_outcome::unknown;
  reply(unknown);
  CAF_CHECK(settled.back() == settled_from::deadline);
}

CAF_TEST(on the way out every write is answered) {
  contended = true;
  submit("a");
  contended = false;
  reply(written{});
  submit("b");
  submit("c");
  route.abandon(make_error(error_code::unavailable, "stopping"));
  CAF_CHECK_EQUAL(order(), "abc");
  CAF_CHECK(answers[1].second.error().outcome == write_outcome::unknown);
  CAF_CHECK(answers[2].second.error().outcome == write_outcome::not_applied);
  CAF_CHECK_EQUAL(route.open(), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
