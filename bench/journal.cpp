// What the journal adds to a write, and what a batch costs for each of its
// writes.
#include "storage/journal.hpp"

#include "bench/samples.hpp"
#include "bench/scratch_database.hpp"
#include "storage/scopes.hpp"
#include "storage/transaction.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace dbproxy;

/// The entry of a write, and its removal when the next one says that it may go.
void record_and_settle(benchmark::State& state) {
  scratch_database files;
  method_set methods;
  auto db = files.open();
  journal log;
  auto transaction = immediate_transaction::begin(db).value();
  message row;
  row.id = "message-1";
  row.parts.assign(400, 'x');
  auto value = boxed::of(std::optional<message>{row});
  std::uint64_t number = 0;
  for (auto _ : state) {
    auto write = sample_write(methods, ++number);
    log.record(db, *write, value).value();
    log.settle(db, {*write->request_id}).value();
  }
}
BENCHMARK(record_and_settle);

/// A whole batch under synchronous=NORMAL; the time is that of one write.
void batch_of(benchmark::State& state) {
  scratch_database files;
  method_set methods;
  auto db = files.open();
  journal log;
  auto size = static_cast<std::uint64_t>(state.range(0));
  auto journaled = state.range(1) != 0;
  methods.find("CreateSession")->run(db, boxed::of(sample_session())).value();
  std::uint64_t number = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<batch_entry> batch;
    for (std::uint64_t i = 0; i < size; ++i)
      batch.push_back({sample_write(methods, ++number), journaled});
    state.ResumeTiming();
    benchmark::DoNotOptimize(run_batch(db, log, batch, {}));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(number));
}
BENCHMARK(batch_of)
  ->ArgNames({"writes", "journaled"})
  ->ArgsProduct({{1, 16, 64}, {0, 1}});

} // namespace
