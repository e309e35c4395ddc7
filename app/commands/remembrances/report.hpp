// What a command that writes many files has done.
#pragma once

#include "app/commands/remembrances/folder.hpp"
#include "app/commands/remembrances/work.hpp"

#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dbproxy {

struct write_counts {
  std::chrono::steady_clock::time_point begun =
    std::chrono::steady_clock::now();
  std::int64_t files = 0;
  std::int64_t added = 0;
  std::int64_t updated = 0;
  std::int64_t unchanged = 0;
  std::int64_t deleted = 0;
  std::int64_t parts = 0; ///< chunks or symbols
  std::vector<skipped_file> skipped;
  std::vector<skipped_file> failed;

  /// Counts one report; `known` is a file that was there before.
  void add(const file_report& report, bool known);
};

/// Prints the counts: as one JSON line after the members of `first`, or for a
/// reader at a terminal. `parts` is what the parts are called. An exit status.
int print_summary(
  write_counts counts, std::string_view parts, boost::json::object first = {});

} // namespace dbproxy
