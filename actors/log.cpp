#include "actors/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace dbproxy {

spdlog::logger& log() {
  static const auto logger = [] {
    auto found = spdlog::get("dbproxy");
    if (!found) {
      found = spdlog::stderr_color_mt("dbproxy");
      found->set_level(spdlog::level::warn);
    }
    return found;
  }();
  return *logger;
}

} // namespace dbproxy
