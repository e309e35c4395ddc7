// What a process of the bench writes with, one class for each strategy.
#pragma once

#include "app/commands/bench/protocol.hpp"
#include "app/commands/bench/strategy.hpp"
#include "app/commands/bench/write_series.hpp"
#include "messages/errors.hpp"

#include <memory>

namespace dbproxy {

/// Opened, and ready to write. One thread.
class bench_writer {
public:
  virtual ~bench_writer() = default;

  /// Runs what is left of the series and returns when everything that was
  /// begun has ended.
  virtual void run(write_series& series) = 0;

  /// Processor time that another process has used for this one alone.
  virtual double cpu_seconds_elsewhere() const { return 0; }
};

/// What opens one fails with what opening its database fails with.
using bench_writer_result = result<std::unique_ptr<bench_writer>>;

/// `direct` and `direct-tuned`.
bench_writer_result open_direct_writer(const bench_order& order, strategy how);

/// `original`.
bench_writer_result open_original_writer(const bench_order& order);

/// `forward` and `proxy`: an instance that a host application embeds.
bench_writer_result
open_instance_writer(const bench_order& order, strategy how);

/// `postgresql`.
bench_writer_result open_postgresql_writer(const bench_order& order);

} // namespace dbproxy
