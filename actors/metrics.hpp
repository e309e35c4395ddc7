// Counters and latency quantiles by method and route.
#pragma once

#include "messages/described.hpp"
#include "messages/errors.hpp"

#include <boost/json.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dbproxy {

/// A latency_histogram as it travels between processes.
struct latency_counts {
  std::vector<std::int64_t> buckets; ///< up to the last one that is not empty
  std::int64_t max_us = 0;
};
BOOST_DESCRIBE_STRUCT(latency_counts, (), (buckets, max_us))

/// A histogram of durations from 1 us to over an hour in steps of at most
/// 1/16 of the value (log-linear buckets, as in HdrHistogram). One thread.
class latency_histogram {
public:
  void record(std::chrono::nanoseconds duration) noexcept;

  /// Adds all of `other`.
  void merge(const latency_histogram& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }

  std::chrono::microseconds max() const noexcept { return max_; }

  /// The duration that the share `q` in [0, 1] of all values does not exceed,
  /// to within a bucket; 0 where there are none.
  std::chrono::microseconds quantile(double q) const noexcept;

  /// {"count", "p50_ms", "p99_ms", "p999_ms", "max_ms"}.
  boost::json::object to_json() const;

  latency_counts counts() const;

  /// INVALID_PARAMS where these are no counts of a histogram.
  static result<latency_histogram> from(const latency_counts& counts);

private:
  static constexpr std::size_t sub_buckets = 16;
  static constexpr std::size_t bucket_count = sub_buckets * 30;

  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::chrono::microseconds max_{};
};

/// Where the time of a write goes on the primary, and of a direct one.
enum class write_stage {
  prepared,   ///< decoded, checked, laid out
  queued,     ///< until the writer was free
  locking,    ///< until the writer had SQLite's lock; by batch
  executing,  ///< all that a batch does but its COMMIT
  committing, ///< the COMMIT of a batch
  replying,   ///< from the end of the COMMIT until the reply was handed over
};
inline constexpr std::size_t write_stage_count = 6;

std::string_view to_string(write_stage stage) noexcept;

/// What an instance has done. Any thread; one short lock a record.
class metrics {
public:
  /// One finished call; `route` is "local", "direct", "forwarded" or "read".
  void record(
    std::string_view route, std::string_view method,
    std::chrono::nanoseconds duration, bool ok);

  /// How long a write of `method` occupied the writer, its commit apart.
  void
  record_occupied(std::string_view method, std::chrono::nanoseconds duration);

  /// How long a write, or a batch, was in this stage.
  void record_stage(write_stage stage, std::chrono::nanoseconds duration);

  /// Calls that ended well elsewhere, without their durations.
  void count(std::string_view route, std::int64_t calls);

  /// Writes that were tried a second time, or another way.
  void count_retries(std::size_t writes);
  std::int64_t retries() const;

  /// A part of the instance failed and was started again.
  void count_restart(std::string_view part);
  std::int64_t restarts() const;

  /// One failed call, by its code.
  void record_error(error_code code);

  /// Calls that ended well on this route.
  std::int64_t succeeded(std::string_view route) const;

  /// {"routes": {route: {"succeeded", "failed"}}, "errors": {code: n},
  /// "retries": n, "restarts": {part: n},
  /// "methods": {method: {route: {quantiles}}},
  /// "stages": {stage: {quantiles}},
  /// "writer": {"methods": {method: {quantiles}}}}.
  boost::json::object to_json() const;

private:
  struct route_counts {
    std::int64_t succeeded = 0;
    std::int64_t failed = 0;
  };

  route_counts& counts_of(std::string_view route);

  mutable std::mutex mutex_;
  std::map<std::string, route_counts, std::less<>> routes_;
  std::map<error_code, std::int64_t> errors_;
  std::int64_t retries_ = 0;
  std::map<std::string, std::int64_t, std::less<>> restarts_;
  std::map<
    std::string, std::map<std::string, latency_histogram, std::less<>>,
    std::less<>>
    methods_;
  std::map<std::string, latency_histogram, std::less<>> occupied_;
  std::array<latency_histogram, write_stage_count> stages_;
};

} // namespace dbproxy
