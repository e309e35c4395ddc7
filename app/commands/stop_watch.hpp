// SIGINT and SIGTERM as a stop token, for commands that work in many places.
#pragma once

#include "app/commands/command.hpp"

#include <stop_token>
#include <thread>

namespace dbproxy {

/// Watches for the signals as long as it lives, and has writes to a pipe that
/// nobody reads fail instead of ending the process. Make one before any other
/// thread starts.
class stop_watch {
public:
  stop_watch();

  std::stop_token token() const { return source_.get_token(); }

private:
  stop_signals signals_;
  std::stop_source source_;
  std::jthread thread_;
};

} // namespace dbproxy
