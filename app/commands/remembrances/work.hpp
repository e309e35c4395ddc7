// What a command gives its workers, and what they report.
#pragma once

#include "messages/described.hpp"
#include "messages/errors.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

/// A file that is to be written.
struct work_file {
  std::string path;     ///< absolute
  std::string language; ///< of source code; else empty
};
BOOST_DESCRIBE_STRUCT(work_file, (), (path, language))

/// Files that one worker does in one go.
using work_item = std::vector<work_file>;

/// What became of a file: it was written with that many chunks or symbols, or
/// one of the two reasons says why not.
struct file_report {
  std::string path;
  std::int64_t parts = 0;
  std::optional<std::string> skipped; ///< it cannot be written as it is
  std::optional<std::string> failed;  ///< it could not be written now
};
BOOST_DESCRIBE_STRUCT(file_report, (), (path, parts, skipped, failed))

using work_report = std::vector<file_report>;

/// Does an item. An error ends the whole command.
using work_function = std::function<result<work_report>(const work_item&)>;

using embedding_list = std::vector<std::vector<float>>;

/// The vectors of some texts, one each. An error ends the whole command.
using embed_function =
  std::function<result<embedding_list>(const std::vector<std::string>&)>;

/// The error of a command that SIGINT or SIGTERM has ended.
inline write_error stopped_error() {
  return make_error(
    error_code::unavailable,
    "stopped by a signal; what is done is kept, run it again for the rest");
}

} // namespace dbproxy
