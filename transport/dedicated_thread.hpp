// A thread that does nothing but serve one event source.
#pragma once

#include "transport/event_source.hpp"

#include <atomic>
#include <thread>

namespace dbproxy {

/// Starts with `attach` and ends with `detach`. It takes no signals, so that
/// no handler of the host's runs on it.
class dedicated_thread : public event_thread {
public:
  /// Throws std::system_error where the system is out of threads.
  bool attach(event_source& source) override;

  void detach(event_source& source) override;
  bool is_current() const override;

  /// Has no effect: it has nothing but its source, which sleeps.
  void stay_awake_while(std::function<bool()>) override {}

private:
  std::atomic<bool> over_ = false;
  std::jthread thread_;
};

} // namespace dbproxy
