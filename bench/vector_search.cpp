// How much an exact search over vectors costs, beside what it costs to read
// them: 100,000 vectors of 384 dimensions in a database file.
#include "bench/scratch_database.hpp"
#include "storage/knowledge_base.hpp"
#include "storage/nearest.hpp"
#include "storage/scopes.hpp"
#include "storage/script.hpp"
#include "storage/sql_text.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace dbproxy;
using clock = std::chrono::steady_clock;

constexpr std::size_t dimensions = 384;
constexpr int documents = 1000;
constexpr int chunks_per_document = 100;
constexpr std::size_t best = 100;

/// A database with its rows.
class vector_database : public scratch_database {
public:
  vector_database() { fill(); }

  std::vector<float> random_vector() {
    std::vector<float> values(dimensions);
    for (auto& value : values)
      value = spread_(engine_);
    return values;
  }

private:
  void fill() {
    auto db = open();
    for (int i = 0; i < documents; ++i) {
      kb_add_document document;
      document.file_path = "document-" + std::to_string(i);
      document.embeddings.emplace();
      for (int j = 0; j < chunks_per_document; ++j) {
        document.chunks.push_back(
          "chunk " + std::to_string(j) + " of document " + std::to_string(i));
        document.embeddings->push_back(random_vector());
      }
      auto transaction = immediate_transaction::begin(db).value();
      lay_out(document)(db).value();
      transaction.commit().value();
    }
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").value();
  }

  std::mt19937 engine_{1};
  std::normal_distribution<float> spread_;
};

vector_database& database() {
  static vector_database made;
  return made;
}

const std::string& vectors_sql() {
  static const auto sql =
    script{find_section("kb_search_vectors")}.statements().front();
  return sql;
}

/// Reads every vector and looks at nothing but its size.
std::size_t read_all(connection& db) {
  auto rows = db.prepare(vectors_sql()).value();
  std::size_t bytes = 0;
  while (rows.step().value()) {
    auto blob = rows.blob(1);
    benchmark::DoNotOptimize(blob.data());
    bytes += blob.size();
  }
  return bytes;
}

/// Reads every vector and keeps the nearest ones.
std::vector<std::int64_t>
search_all(connection& db, const std::vector<float>& wanted) {
  auto rows = db.prepare(vectors_sql()).value();
  nearest_vectors nearest{wanted, best};
  while (rows.step().value())
    nearest.offer(rows.integer(0), rows.blob(1));
  return nearest.take();
}

void bare_select(benchmark::State& state) {
  auto db = database().open(dbproxy::access::read_only);
  for (auto _ : state)
    benchmark::DoNotOptimize(read_all(db));
}
BENCHMARK(bare_select)->Unit(benchmark::kMillisecond);

void cosine_search(benchmark::State& state) {
  auto db = database().open(dbproxy::access::read_only);
  auto wanted = database().random_vector();
  for (auto _ : state)
    benchmark::DoNotOptimize(search_all(db, wanted));
}
BENCHMARK(cosine_search)->Unit(benchmark::kMillisecond);

/// The whole method: both rankings, fused, and their rows.
void kb_search_method(benchmark::State& state) {
  auto db = database().open(dbproxy::access::read_only);
  kb_search params{"document 77", database().random_vector(), 10};
  for (auto _ : state)
    benchmark::DoNotOptimize(run_search(db, params).value());
}
BENCHMARK(kb_search_method)->Unit(benchmark::kMillisecond);

/// Both in turn, so that both meet the same machine: the counter `ratio` is the
/// median of what a search costs over what the SELECT costs.
void search_over_select(benchmark::State& state) {
  auto db = database().open(dbproxy::access::read_only);
  auto wanted = database().random_vector();
  std::vector<double> ratios;
  auto seconds = [](auto&& work) {
    auto begin = clock::now();
    work();
    return std::chrono::duration<double>(clock::now() - begin).count();
  };
  for (auto _ : state) {
    auto read = seconds([&] { benchmark::DoNotOptimize(read_all(db)); });
    auto search =
      seconds([&] { benchmark::DoNotOptimize(search_all(db, wanted)); });
    ratios.push_back(search / read);
  }
  std::ranges::sort(ratios);
  state.counters["ratio"] = ratios[ratios.size() / 2];
}
BENCHMARK(search_over_select)->Unit(benchmark::kMillisecond)->Iterations(21);

} // namespace
