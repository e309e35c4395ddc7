#include "transport/dedicated_thread.hpp"

#include <csignal>
#include <pthread.h>

namespace dbproxy {

namespace {

/// While it lives, threads that are created get no signals. Faults of their
/// own still reach them.
class signals_blocked {
public:
  signals_blocked() noexcept {
    sigset_t signals;
    ::sigfillset(&signals);
    for (const auto fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
      ::sigdelset(&signals, fault);
    ::pthread_sigmask(SIG_SETMASK, &signals, &before_);
  }

  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

private:
  sigset_t before_{};
};

} // namespace

bool dedicated_thread::attach(event_source& source) {
  if (thread_.joinable())
    return false;
  const signals_blocked blocked;
  thread_ = std::jthread{[this, &source] {
    ::pthread_setname_np(::pthread_self(), "dbproxy-zmq");
    while (!over_)
      source.turn(true);
  }};
  return true;
}

void dedicated_thread::detach(event_source& source) {
  over_ = true;
  source.interrupt();
  thread_.join();
}

bool dedicated_thread::is_current() const {
  return thread_.get_id() == std::this_thread::get_id();
}

} // namespace dbproxy
