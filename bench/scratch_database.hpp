// A database in a directory of its own, for as long as a benchmark runs.
#pragma once

#include "storage/schema.hpp"
#include "storage/sqlite.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace dbproxy {

class scratch_database {
public:
  scratch_database() {
    std::string name = "/tmp/dbproxy-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"mkdtemp"};
    directory_ = name;
  }

  scratch_database(const scratch_database&) = delete;
  scratch_database& operator=(const scratch_database&) = delete;

  ~scratch_database() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::filesystem::path path() const { return directory_ / "bench.db"; }

  /// With synchronous=NORMAL, so that the disk is left out.
  connection open(access mode = access::read_write) const {
    open_options options;
    options.path = path();
    options.access = mode;
    options.sync = sync_mode::normal;
    return open_database(options).value();
  }

private:
  std::filesystem::path directory_;
};

} // namespace dbproxy
