// What a write costs on a connection, without its commit.
#include "bench/samples.hpp"
#include "bench/scratch_database.hpp"
#include "storage/scopes.hpp"

#include <benchmark/benchmark.h>

namespace {

using namespace dbproxy;

/// Binding, the INSERT with its triggers and indexes, and reading its row.
void create_message_method(benchmark::State& state) {
  scratch_database files;
  method_set methods;
  auto db = files.open();
  auto transaction = immediate_transaction::begin(db).value();
  methods.find("CreateSession")->run(db, boxed::of(sample_session())).value();
  auto entry = methods.find("CreateMessage");
  std::uint64_t number = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(
      entry->run(db, boxed::of(sample_message(++number))).value());
}
BENCHMARK(create_message_method);

} // namespace
