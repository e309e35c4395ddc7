// Tests of the coordinator on CAF's test coordinator: batches, resends,
// bounds, deadlines, and that every promise is kept.
#define CAF_SUITE coordinator
#define FAIL CAF_FAIL
#include "actors/coordinator.hpp"

#include "actors/errors.hpp"
#include "messages/limits.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "caf/test/dsl.hpp"

using namespace dbproxy;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

/// A writer that keeps batches until the test tells it the answers.
using slow_writer_actor = writer_actor::extend<
  caf::reacts_to<batch_result>,
  // Fail.
  caf::reacts_to<caf::tick_atom>>;

struct slow_writer_state {
  using promise = caf::typed_response_promise<batch_result>;

  /// What it was asked for while it had a batch.
  struct command {
    commit_command content;
    promise answer;
  };

  std::vector<queued_batch> batches;
  std::vector<std::optional<std::int64_t>> epochs;
  std::vector<promise> promises;
  std::deque<command> waiting;
  std::shared_ptr<commit_queue> queue;
  std::size_t answered = 0;
  int checkpoints = 0;
  checkpoint_report checkpoint_outcome{true, true};

  bool is_busy() const { return answered < promises.size(); }

  /// As a real one: the next batch when it is done with the last.
  void go_on() {
    while (!is_busy() && !waiting.empty()) {
      auto next = std::move(waiting.front());
      waiting.pop_front();
      queue = next.content.queue;
      auto batch = queue->take();
      if (batch.entries.empty()) {
        next.answer.deliver(batch_result{});
        continue;
      }
      batches.push_back(std::move(batch));
      epochs.push_back(next.content.epoch);
      promises.push_back(std::move(next.answer));
    }
  }

  void answer(const batch_result& outcome) {
    if (outcome.outcome == batch_result::status::lock_not_had)
      queue->put_back();
    promises[answered++].deliver(outcome);
    go_on();
  }

  void fail() {
    for (auto& next : std::exchange(waiting, {}))
      next.answer.deliver(caf::make_error(caf::sec::request_receiver_down));
    promises[answered++].deliver(caf::make_error(caf::sec::runtime_error));
  }
};

slow_writer_actor::behavior_type
slow_writer(slow_writer_actor::stateful_pointer<slow_writer_state> self) {
  return {
    [](const write_batch&) { return batch_result{}; },
    [self](const commit_command& command) {
      auto promise = self->make_response_promise<batch_result>();
      self->state.waiting.push_back({command, promise});
      self->state.go_on();
      return promise;
    },
    [self](const checkpoint_command&) {
      ++self->state.checkpoints;
      return self->state.checkpoint_outcome;
    },
    [self](const batch_result& outcome) { self->state.answer(outcome); },
    [self](caf::tick_atom) { self->state.fail(); }};
}

struct collector_state {
  std::vector<std::string> keys;
};

publisher_actor::behavior_type
collector(publisher_actor::stateful_pointer<collector_state> self) {
  return {
    [self](const announcements& news) {
      for (const auto& one : news.changes)
        self->state.keys.push_back(one.payload.key);
    },
    [](const instance_event&) -> caf::result<void> { return caf::unit; },
    [](caf::tick_atom) {}};
}

template <class State, class Handle>
State& state_of(const Handle& handle) {
  using actor_type = caf::stateful_actor<State, typename Handle::base>;
  auto* base = caf::actor_cast<caf::abstract_actor*>(handle);
  return static_cast<actor_type*>(base)->state;
}

write_ptr make_write(
  const std::string& id, std::uint64_t fingerprint = 1,
  const std::string& source = "one") {
  prepared_write write;
  write.method = "M";
  write.topic = "t";
  write.key = id;
  write.source_instance_id = source;
  write.fingerprint = fingerprint;
  write.bytes = 1;
  if (!id.empty())
    write.request_id = id;
  return std::make_shared<const prepared_write>(std::move(write));
}

struct fixture : test_coordinator_fixture<> {
  slow_writer_actor writer = sys.spawn(slow_writer);
  publisher_actor publisher = sys.spawn(collector);
  roster_ptr colleagues = std::make_shared<roster>();
  std::shared_ptr<metrics> figures = std::make_shared<metrics>();
  /// The keys of what was answered, and that the epoch is over, in order.
  std::string told;
  coordinator_actor uut = spawn_coordinator();
  std::vector<std::pair<std::string, result<written>>> answers;

  fixture() { consume_messages(); }

  coordinator_actor spawn_coordinator() {
    colleagues->set(writer_actor{writer});
    colleagues->set(publisher);
    // An actor, so that it is told in its turn, like those who wait.
    auto on_fenced = [this] {
      sys.spawn([this](caf::event_based_actor*) { told += "fenced"; });
    };
    return sys.spawn(
      coordinator, coordinator_parts{colleagues, figures, {}, 7, on_fenced});
  }

  ~fixture() override {
    for (auto handle :
         {caf::actor_cast<caf::actor>(uut), caf::actor_cast<caf::actor>(writer),
          caf::actor_cast<caf::actor>(publisher)})
      caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    run();
  }

  slow_writer_state& held() { return state_of<slow_writer_state>(writer); }

  void submit(const write_ptr& write, std::chrono::milliseconds timeout = 5s) {
    auto key = write->key;
    // The asking actor stays; its answer is noted when it comes.
    sys.spawn([this, write, timeout, key](caf::event_based_actor* asking) {
      asking
        ->request(uut, caf::infinite, submission{write, clock::now() + timeout})
        .then(
          [this, key](const written& outcome) { note(key, outcome); },
          [this, key](const caf::error& error) { note(key, from_caf(error)); });
    });
    consume_messages();
  }

  void note(const std::string& key, result<written> outcome) {
    told += key;
    answers.emplace_back(key, std::move(outcome));
  }

  std::string keys(std::size_t batch) {
    std::string out;
    for (const auto& entry : held().batches.at(batch).entries)
      out += entry.write->key;
    return out;
  }

  void commit(int wal_pages = 0) {
    auto size = held().batches[held().answered].entries.size();
    batch_result done;
    done.outcome = batch_result::status::committed;
    done.results.assign(size, written{});
    done.wal_pages = wal_pages;
    answer(std::move(done));
  }

  void answer(batch_result done) {
    caf::anon_send(writer, std::move(done));
    consume_messages();
  }

  void fail_writer() {
    caf::anon_send(writer, caf::tick_atom::value);
    consume_messages();
  }

  std::string order() const {
    std::string out;
    for (const auto& [key, outcome] : answers)
      out += key;
    return out;
  }

  write_error error(std::size_t index) const {
    return answers.at(index).second.error();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(coordinator_tests, fixture)

CAF_TEST(a lone write is handed on at once and answered after the commit) {
  submit(make_write("a"));
  CAF_REQUIRE_EQUAL(held().batches.size(), 1u);
  CAF_CHECK(answers.empty());
  commit();
  CAF_CHECK_EQUAL(order(), "a");
}

CAF_TEST(whatever is queued while the writer works is one batch) {
  for (const auto* id : {"a", "b", "c"})
    submit(make_write(id));
  CAF_CHECK_EQUAL(held().batches.size(), 1u);
  commit();
  CAF_CHECK_EQUAL(keys(1), "bc");
  commit();
  CAF_CHECK_EQUAL(order(), "abc");
}

CAF_TEST(a batch has a bound on its rows) {
  for (std::size_t i = 0; i < limits::batch_rows_max + 2; ++i)
    submit(make_write("x" + std::to_string(i)));
  commit();
  CAF_CHECK(held().batches.at(1).entries.size() == limits::batch_rows_max);
  commit();
  CAF_CHECK(held().batches.at(2).entries.size() == 1u);
  commit();
}

CAF_TEST(a batch has a bound on its bytes and a large write goes alone) {
  submit(make_write("a"));
  prepared_write large = *make_write("b");
  large.bytes = limits::batch_bytes_max + 1;
  submit(std::make_shared<const prepared_write>(large));
  submit(make_write("c"));
  commit();
  CAF_CHECK_EQUAL(keys(1), "b");
  commit();
  CAF_CHECK_EQUAL(keys(2), "c");
  commit();
}

CAF_TEST(a write that fails is told alone) {
  submit(make_write("z"));
  submit(make_write("a"));
  submit(make_write("b"));
  commit();
  batch_result done;
  done.outcome = batch_result::status::committed;
  done.results = {make_error(error_code::conflict, "no"), written{}};
  answer(std::move(done));
  CAF_CHECK_EQUAL(order(), "zab");
  CAF_CHECK(error(1).code == error_code::conflict);
  CAF_CHECK_EQUAL(error(1).method, "M");
  CAF_CHECK(answers[2].second.has_value());
  CAF_CHECK(
    state_of<collector_state>(publisher).keys
    == (std::vector<std::string>{"z", "b"}));
}

CAF_TEST(a resend while the first is under way waits for the first) {
  submit(make_write("a"));
  submit(make_write("a"));
  submit(make_write("a", 2));
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_CHECK(error(0).code == error_code::conflict);
  commit();
  CAF_CHECK_EQUAL(order(), "aaa");
  CAF_CHECK_EQUAL(held().batches.size(), 1u);
  CAF_CHECK_EQUAL(state_of<collector_state>(publisher).keys.size(), 1u);
}

CAF_TEST(writes without a request id are not compared) {
  submit(make_write(""));
  submit(make_write(""));
  CAF_CHECK(!held().batches[0].entries[0].journaled);
  commit();
  commit();
  CAF_CHECK_EQUAL(answers.size(), 2u);
}

CAF_TEST(the bound on queued writes is named) {
  submit(make_write("first"));
  for (std::size_t i = 0; i <= limits::queued_writes_max; ++i)
    submit(make_write("x" + std::to_string(i)));
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_CHECK(error(0).code == error_code::busy);
  CAF_CHECK(error(0).message.find("queued_writes_max") != std::string::npos);
}

CAF_TEST(a lock that is not had fails only what is late and keeps the order) {
  submit(make_write("z"));
  submit(make_write("a"));
  submit(make_write("b"), 0ms);
  submit(make_write("c"));
  commit();
  CAF_CHECK_EQUAL(keys(1), "abc");
  batch_result done;
  done.outcome = batch_result::status::lock_not_had;
  done.results.assign(3, make_error(error_code::busy, "locked"));
  answer(std::move(done));
  CAF_CHECK_EQUAL(order(), "zb");
  CAF_CHECK(error(1).code == error_code::busy);
  CAF_CHECK(error(1).outcome == write_outcome::not_applied);
  CAF_CHECK_EQUAL(keys(2), "ac");
  commit();
}

CAF_TEST(a write is answered at its deadline even if the writer is not back) {
  submit(make_write("a"), -200ms);
  submit(make_write("b"), 0ms);
  sched.advance_time(20ms);
  consume_messages();
  CAF_CHECK_EQUAL(order(), "ba");
  CAF_CHECK(error(0).code == error_code::busy);
  CAF_CHECK(error(1).code == error_code::timeout);
  CAF_CHECK(error(1).outcome == write_outcome::unknown);
  commit();
  CAF_CHECK_EQUAL(answers.size(), 2u);
}

CAF_TEST(draining refuses new writes and ends when the last is done) {
  submit(make_write("a"));
  auto drained = false;
  sys.spawn([&](caf::event_based_actor* asking) {
    asking->request(uut, caf::infinite, drain_command{}).then([&] {
      drained = true;
    });
  });
  consume_messages();
  submit(make_write("b"));
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_CHECK(error(0).code == error_code::unavailable);
  CAF_CHECK(error(0).is_retryable());
  CAF_CHECK(!drained);
  commit();
  CAF_CHECK(drained);
  CAF_CHECK(answers[1].second.has_value());
}

CAF_TEST(what a failed writer had is asked for again) {
  submit(make_write("z"));
  submit(make_write("a"));
  submit(make_write(""));
  submit(make_write("b"));
  commit();
  CAF_CHECK_EQUAL(keys(1), "ab");
  fail_writer();
  // Without a request id nobody can tell.
  CAF_REQUIRE_EQUAL(answers.size(), 2u);
  CAF_CHECK(error(1).outcome == write_outcome::unknown);
  submit(make_write("c"));
  CAF_CHECK_EQUAL(held().batches.size(), 2u);
  caf::anon_send(uut, caf::tick_atom::value);
  consume_messages();
  CAF_REQUIRE_EQUAL(held().batches.size(), 3u);
  CAF_CHECK_EQUAL(keys(2), "abc");
  commit();
  CAF_CHECK_EQUAL(order(), "zabc");
}

CAF_TEST(at the deadline what a failed writer had is unknown) {
  submit(make_write("a"), 0ms);
  fail_writer();
  caf::anon_send(uut, caf::tick_atom::value);
  consume_messages();
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  CAF_CHECK(error(0).outcome == write_outcome::unknown);
}

CAF_TEST(without a writer writes wait) {
  colleagues->set(writer_actor{});
  submit(make_write("a"));
  CAF_CHECK(held().batches.empty());
  colleagues->set(writer_actor{writer});
  caf::anon_send(uut, caf::tick_atom::value);
  consume_messages();
  CAF_CHECK_EQUAL(keys(0), "a");
  commit();
  CAF_CHECK_EQUAL(order(), "a");
}

CAF_TEST(batches carry the epoch and the deadlines) {
  submit(make_write("a"), 5s);
  const auto& batch = held().batches.at(0);
  CAF_CHECK(held().epochs.at(0) == 7);
  CAF_CHECK(batch.entries[0].deadline == batch.deadline);
  commit();
}

CAF_TEST(an epoch that is over is told after its writes are refused) {
  submit(make_write("a"));
  batch_result done;
  done.outcome = batch_result::status::fenced;
  done.results.assign(1, make_error(error_code::unavailable, "over"));
  answer(std::move(done));
  CAF_CHECK_EQUAL(told, "afenced");
  CAF_CHECK(error(0).code == error_code::unavailable);
  CAF_CHECK(error(0).outcome == write_outcome::not_applied);
}

CAF_TEST(on the way out every promise is kept) {
  submit(make_write("a"));
  submit(make_write("b"));
  caf::anon_send_exit(uut, caf::exit_reason::user_shutdown);
  consume_messages();
  CAF_CHECK_EQUAL(order(), "ab");
  CAF_CHECK(error(0).outcome == write_outcome::unknown);
  CAF_CHECK(error(1).outcome == write_outcome::not_applied);
}

CAF_TEST(a long WAL is checkpointed between two batches) {
  submit(make_write("a"));
  submit(make_write("b"));
  commit(limits::wal_checkpoint_pages);
  CAF_CHECK_EQUAL(held().checkpoints, 1);
  commit(10);
  CAF_CHECK_EQUAL(held().checkpoints, 1);
  caf::anon_send(uut, wal_report{limits::wal_checkpoint_pages});
  consume_messages();
  CAF_CHECK_EQUAL(held().checkpoints, 2);
}

CAF_TEST(where every commit is synced the WAL may be longer) {
  uut = sys.spawn(
    coordinator,
    coordinator_parts{
      .colleagues = colleagues, .figures = figures, .sync = sync_mode::full});
  auto report = [&](std::int64_t pages) {
    caf::anon_send(uut, wal_report{pages});
    consume_messages();
    return held().checkpoints;
  };
  CAF_CHECK_EQUAL(report(limits::wal_checkpoint_pages), 0);
  CAF_CHECK_EQUAL(report(limits::synced_wal_checkpoint_pages), 1);
}

CAF_TEST(a WAL that did not begin anew is left to grow by as much again) {
  auto report = [&](std::int64_t pages) {
    caf::anon_send(uut, wal_report{pages});
    consume_messages();
    return held().checkpoints;
  };
  CAF_CHECK_EQUAL(report(limits::wal_checkpoint_pages), 1);
  CAF_CHECK_EQUAL(report(limits::wal_checkpoint_pages + 10), 1);
  CAF_CHECK_EQUAL(report(2 * limits::wal_checkpoint_pages), 2);
  CAF_CHECK_EQUAL(report(5), 2);
  CAF_CHECK_EQUAL(report(limits::wal_checkpoint_pages), 3);
}

CAF_TEST(a checkpoint that did not get the lock is due again) {
  held().checkpoint_outcome = {false, false};
  caf::anon_send(uut, wal_report{limits::wal_checkpoint_pages});
  consume_messages();
  caf::anon_send(uut, wal_report{limits::wal_checkpoint_pages + 1});
  consume_messages();
  CAF_CHECK_EQUAL(held().checkpoints, 2);
}

CAF_TEST(a shorter WAL is checkpointed when there is nothing to do) {
  submit(make_write("a"));
  commit(limits::wal_idle_checkpoint_pages);
  CAF_CHECK_EQUAL(held().checkpoints, 0);
  while (held().checkpoints == 0 && sched.has_pending_timeout()) {
    sched.trigger_timeout();
    consume_messages();
  }
  CAF_CHECK_EQUAL(held().checkpoints, 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
