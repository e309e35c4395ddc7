#include "actors/metrics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace dbproxy {

namespace json = boost::json;

namespace {

// Values below 16 us have a bucket each; above, each power of two has 16.
constexpr unsigned sub_bucket_bits = 4;

std::size_t bucket_of(std::uint64_t micros) noexcept {
  if (micros < (1U << sub_bucket_bits))
    return static_cast<std::size_t>(micros);
  auto width = static_cast<unsigned>(std::bit_width(micros));
  auto shift = width - sub_bucket_bits - 1;
  return (static_cast<std::size_t>(shift + 1) << sub_bucket_bits)
         + static_cast<std::size_t>(
           (micros >> shift) - (1U << sub_bucket_bits));
}

std::uint64_t upper_end_of(std::size_t bucket) noexcept {
  if (bucket < (1U << sub_bucket_bits))
    return bucket;
  auto shift = (bucket >> sub_bucket_bits) - 1;
  auto base =
    (bucket & ((1U << sub_bucket_bits) - 1)) + (1U << sub_bucket_bits);
  return ((base + 1) << shift) - 1;
}

double to_ms(std::chrono::microseconds value) {
  return static_cast<double>(value.count()) / 1000.0;
}

} // namespace

void latency_histogram::record(std::chrono::nanoseconds duration) noexcept {
  using namespace std::chrono;
  auto micros = std::max(duration_cast<microseconds>(duration), 0us);
  auto bucket = bucket_of(static_cast<std::uint64_t>(micros.count()));
  ++buckets_[std::min(bucket, bucket_count - 1)];
  ++count_;
  max_ = std::max(max_, micros);
}

void latency_histogram::merge(const latency_histogram& other) noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i)
    buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::chrono::microseconds latency_histogram::quantile(double q) const noexcept {
  if (count_ == 0)
    return {};
  auto wanted =
    static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  wanted = std::clamp<std::uint64_t>(wanted, 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i];
    if (seen >= wanted)
      return std::min(
        max_,
        std::chrono::microseconds{static_cast<std::int64_t>(upper_end_of(i))});
  }
  return max_;
}

json::object latency_histogram::to_json() const {
  return {
    {"count", count_},
    {"p50_ms", to_ms(quantile(0.5))},
    {"p99_ms", to_ms(quantile(0.99))},
    {"p999_ms", to_ms(quantile(0.999))},
    {"max_ms", to_ms(max_)}};
}

std::string_view to_string(write_stage stage) noexcept {
  switch (stage) {
  case write_stage::prepared:
    return "prepared";
  case write_stage::queued:
    return "queued";
  case write_stage::locking:
    return "locking";
  case write_stage::executing:
    return "executing";
  case write_stage::committing:
    return "committing";
  case write_stage::replying:
    break;
  }
  return "replying";
}

latency_counts latency_histogram::counts() const {
  auto used = std::find_if(
    buckets_.rbegin(), buckets_.rend(), [](auto count) { return count > 0; });
  return {{buckets_.begin(), used.base()}, max_.count()};
}

result<latency_histogram>
latency_histogram::from(const latency_counts& counts) {
  auto fits = counts.buckets.size() <= bucket_count && counts.max_us >= 0;
  latency_histogram made;
  for (std::size_t i = 0; fits && i < counts.buckets.size(); ++i) {
    fits = counts.buckets[i] >= 0;
    made.buckets_[i] = static_cast<std::uint64_t>(counts.buckets[i]);
    made.count_ += made.buckets_[i];
  }
  if (!fits)
    return make_error(
      error_code::invalid_params, "no counts of a latency histogram");
  made.max_ = std::chrono::microseconds{counts.max_us};
  return made;
}

metrics::route_counts& metrics::counts_of(std::string_view route) {
  auto counts = routes_.find(route);
  if (counts == routes_.end())
    counts = routes_.emplace(route, route_counts{}).first;
  return counts->second;
}

void metrics::count(std::string_view route, std::int64_t calls) {
  std::lock_guard guard{mutex_};
  counts_of(route).succeeded += calls;
}

void metrics::record(
  std::string_view route, std::string_view method,
  std::chrono::nanoseconds duration, bool ok) {
  std::lock_guard guard{mutex_};
  auto& counts = counts_of(route);
  ++(ok ? counts.succeeded : counts.failed);
  auto by_method = methods_.find(method);
  if (by_method == methods_.end())
    by_method = methods_.try_emplace(std::string{method}).first;
  auto histogram = by_method->second.find(route);
  if (histogram == by_method->second.end())
    histogram = by_method->second.try_emplace(std::string{route}).first;
  histogram->second.record(duration);
}

void metrics::record_occupied(
  std::string_view method, std::chrono::nanoseconds duration) {
  std::lock_guard guard{mutex_};
  auto found = occupied_.find(method);
  if (found == occupied_.end())
    found = occupied_.try_emplace(std::string{method}).first;
  found->second.record(duration);
}

void metrics::record_stage(
  write_stage stage, std::chrono::nanoseconds duration) {
  std::lock_guard guard{mutex_};
  stages_[static_cast<std::size_t>(stage)].record(duration);
}

void metrics::count_retries(std::size_t writes) {
  std::lock_guard guard{mutex_};
  retries_ += static_cast<std::int64_t>(writes);
}

std::int64_t metrics::retries() const {
  std::lock_guard guard{mutex_};
  return retries_;
}

void metrics::count_restart(std::string_view part) {
  std::lock_guard guard{mutex_};
  ++restarts_[std::string{part}];
}

std::int64_t metrics::restarts() const {
  std::lock_guard guard{mutex_};
  std::int64_t sum = 0;
  for (const auto& [part, count] : restarts_)
    sum += count;
  return sum;
}

void metrics::record_error(error_code code) {
  std::lock_guard guard{mutex_};
  ++errors_[code];
}

std::int64_t metrics::succeeded(std::string_view route) const {
  std::lock_guard guard{mutex_};
  auto counts = routes_.find(route);
  return counts == routes_.end() ? 0 : counts->second.succeeded;
}

json::object metrics::to_json() const {
  std::lock_guard guard{mutex_};
  json::object routes;
  for (const auto& [route, counts] : routes_)
    routes[route] =
      json::object{{"succeeded", counts.succeeded}, {"failed", counts.failed}};
  json::object errors;
  for (const auto& [code, count] : errors_)
    errors[to_string(code)] = count;
  json::object restarts;
  for (const auto& [part, count] : restarts_)
    restarts[part] = count;
  json::object methods;
  for (const auto& [method, by_route] : methods_) {
    json::object quantiles;
    for (const auto& [route, histogram] : by_route)
      quantiles[route] = histogram.to_json();
    methods[method] = std::move(quantiles);
  }
  json::object occupied;
  for (const auto& [method, histogram] : occupied_)
    occupied[method] = histogram.to_json();
  json::object writer{{"methods", std::move(occupied)}};
  json::object stages;
  for (std::size_t i = 0; i < stages_.size(); ++i)
    stages[to_string(static_cast<write_stage>(i))] = stages_[i].to_json();
  return {{"routes", std::move(routes)},   {"errors", std::move(errors)},
          {"retries", retries_},           {"restarts", std::move(restarts)},
          {"methods", std::move(methods)}, {"stages", std::move(stages)},
          {"writer", std::move(writer)}};
}

} // namespace dbproxy
