// Tests of the latency histogram and of the counters.
#define CAF_SUITE metrics
#include "actors/metrics.hpp"

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace std::chrono_literals;

CAF_TEST(quantiles are right to a sixteenth of the value) {
  latency_histogram histogram;
  for (int i = 1; i <= 100'000; ++i)
    histogram.record(std::chrono::microseconds{i});
  for (auto [q, wanted] :
       {std::pair{0.5, 50'000.0}, std::pair{0.99, 99'000.0},
        std::pair{0.999, 99'900.0}}) {
    auto got = static_cast<double>(histogram.quantile(q).count());
    CAF_CHECK(got >= wanted && got <= wanted * (1 + 1.0 / 16));
  }
  CAF_CHECK_EQUAL(histogram.count(), 100'000u);
  CAF_CHECK(histogram.max() == 100ms);
}

CAF_TEST(small and large values keep their place) {
  latency_histogram histogram;
  CAF_CHECK(histogram.quantile(0.5) == 0us);
  histogram.record(-5us);
  histogram.record(0us);
  CAF_CHECK(histogram.quantile(1) == 0us);
  histogram.record(15us);
  CAF_CHECK(histogram.quantile(1) == 15us);
  histogram.record(100h);
  CAF_CHECK(histogram.max() == 100h);
  CAF_CHECK(histogram.quantile(0.5) <= 15us);
}

CAF_TEST(merging is as recording everything in one place) {
  latency_histogram one;
  latency_histogram two;
  latency_histogram both;
  for (int i = 0; i < 1000; ++i) {
    auto value = std::chrono::microseconds{i * i};
    (i % 3 == 0 ? one : two).record(value);
    both.record(value);
  }
  one.merge(two);
  CAF_CHECK(one.to_json() == both.to_json());
}

CAF_TEST(of a few values the longest is the high quantile) {
  latency_histogram histogram;
  for (int i = 0; i < 99; ++i)
    histogram.record(1ms);
  histogram.record(1s);
  CAF_CHECK(histogram.quantile(0.99) < 2ms);
  CAF_CHECK(histogram.quantile(0.999) == 1s);
}

CAF_TEST(a histogram can be sent as counts) {
  latency_histogram sent;
  for (int i = 0; i < 1000; ++i)
    sent.record(std::chrono::microseconds{i * i});
  auto got = latency_histogram::from(sent.counts());
  CAF_REQUIRE(got);
  CAF_CHECK(got->to_json() == sent.to_json());
  CAF_CHECK(latency_histogram{}.counts().buckets.empty());
  CAF_CHECK(!latency_histogram::from({{-1}, 0}));
  CAF_CHECK(!latency_histogram::from({{1}, -1}));
  CAF_CHECK(!latency_histogram::from({std::vector<std::int64_t>(100'000), 0}));
}

CAF_TEST(counters are kept by method and route) {
  metrics figures;
  figures.record("direct", "CreateFile", 5ms, true);
  figures.record("direct", "CreateFile", 5ms, false);
  figures.record("forwarded", "CreateFile", 5ms, true);
  figures.count("direct", 10);
  figures.count_retries(3);
  figures.record_error(error_code::busy);
  CAF_CHECK_EQUAL(figures.succeeded("direct"), 11);
  CAF_CHECK_EQUAL(figures.succeeded("local"), 0);
  CAF_CHECK_EQUAL(figures.retries(), 3);
  auto json = figures.to_json();
  CAF_CHECK(json.at("errors").at("BUSY").as_int64() == 1);
  CAF_CHECK(json.at("routes").at("direct").at("failed").as_int64() == 1);
  CAF_CHECK(
    json.at("methods").at("CreateFile").at("forwarded").at("count") == 1u);
}
