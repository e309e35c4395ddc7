// What the demo shows while it runs: a live table on a terminal, plain lines
// elsewhere.
#pragma once

#include <boost/json.hpp>

#include <mutex>
#include <string>
#include <vector>

namespace dbproxy {

/// One line a process. Any thread.
class demo_table {
public:
  explicit demo_table(std::vector<std::string> names);

  /// The latest figures of a process: what `dbproxy load` reports.
  void update(std::size_t process, const boost::json::object& figures);

  /// Draws what has changed.
  void draw(bool last);

  /// The sum of one figure over all processes.
  std::int64_t sum(std::string_view figure) const;

private:
  struct row {
    std::string name;
    boost::json::object figures;
  };

  std::string line_of(const row& one) const;

  mutable std::mutex mutex_;
  std::vector<row> rows_;
  bool live_;
  bool drawn_ = false;
};

} // namespace dbproxy
