// What it costs to turn a write into JSON-RPC and back, and to find and prepare
// its method.
#include "bench/samples.hpp"
#include "messages/fingerprint.hpp"
#include "messages/json_codec.hpp"
#include "messages/write.hpp"
#include "transport/json_rpc.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <variant>

namespace {

using namespace dbproxy;

std::string sample_request() {
  write_meta meta;
  meta.source_instance_id = "i-0123456789abcdef";
  meta.request_id = "0123456789abcdef-000000000001";
  meta.timeout_ms = 5000;
  write_request request{meta, "CreateMessage", encode(sample_message(1))};
  return request_text(1, "db.write", encode(request));
}

void encode_request(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(sample_request());
}
BENCHMARK(encode_request);

void parse_request(benchmark::State& state) {
  auto text = sample_request();
  for (auto _ : state)
    benchmark::DoNotOptimize(parse_message(text));
}
BENCHMARK(parse_request);

void decode_params(benchmark::State& state) {
  auto json = encode(sample_message(1));
  for (auto _ : state)
    benchmark::DoNotOptimize(decode<create_message>(json));
}
BENCHMARK(decode_params);

void encode_result(benchmark::State& state) {
  message row;
  row.id = "message-1";
  row.session_id = "s";
  row.parts.assign(400, 'x');
  for (auto _ : state)
    benchmark::DoNotOptimize(success_text(1, encode(row)));
}
BENCHMARK(encode_result);

void fingerprint_params(benchmark::State& state) {
  auto params = sample_message(1);
  for (auto _ : state)
    benchmark::DoNotOptimize(fingerprint(params));
}
BENCHMARK(fingerprint_params);

/// By name, from JSON: what the gateway does with a request that is parsed.
void dispatch_by_name(benchmark::State& state) {
  method_set methods;
  auto json = encode(sample_message(1));
  for (auto _ : state) {
    auto entry = methods.find("CreateMessage", method_kind::write).value();
    auto params = entry->params->decode(json).value();
    benchmark::DoNotOptimize(prepare(entry, std::move(params), {}));
  }
}
BENCHMARK(dispatch_by_name);

} // namespace
