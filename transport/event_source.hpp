// A thread that serves sockets between other work of its own: what it serves,
// and what it is to those who have something to be served.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace dbproxy {

/// Something that is served in turns, all of them on one thread.
class event_source {
public:
  event_source() = default;
  event_source(const event_source&) = delete;
  event_source& operator=(const event_source&) = delete;
  virtual ~event_source() = default;

  /// Does what was posted, waits for events if it `may_wait`, and serves those
  /// that are there. Must not throw.
  virtual void turn(bool may_wait) = 0;

  /// Ends the wait that is under way, or else the next one before it begins.
  /// Any thread; must neither block nor throw.
  virtual void interrupt() = 0;
};

/// A thread that can serve one source beside its own work. Any thread may call
/// these.
class event_thread {
public:
  event_thread() = default;
  event_thread(const event_thread&) = delete;
  event_thread& operator=(const event_thread&) = delete;
  virtual ~event_thread() = default;

  /// Serves `source` from now on. False if there is another one already.
  virtual bool attach(event_source& source) = 0;

  /// Returns when no turn of `source` is under way and none will be.
  virtual void detach(event_source& source) = 0;

  /// True for a caller that runs on this thread.
  virtual bool is_current() const = 0;

  /// As long as `is_worthwhile`, with nothing to do, it stays awake for up to
  /// stay_awake_max before it sleeps: what will come at once needs no waking.
  /// Takes the place of an earlier function; an empty one ends it.
  virtual void stay_awake_while(std::function<bool()> is_worthwhile) = 0;
};

/// To wake a thread on an idle processor costs 5 to 50 us.
inline constexpr std::chrono::microseconds stay_awake_max{300};

/// Tells the processor that this thread spins, so that it saves power and
/// leaves more to the other thread of the core.
inline void ease_spinning() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for something that is expected at once: true when `is_there`, false
/// after stay_awake_max, or when it is not worthwhile any more. Where there is
/// one processor, at once.
template <class IsThere, class IsWorthwhile>
bool stay_awake(IsThere is_there, IsWorthwhile is_worthwhile) {
  static const bool alone = std::thread::hardware_concurrency() < 2;
  using clock = std::chrono::steady_clock;
  const auto until = clock::now() + stay_awake_max;
  while (!alone && is_worthwhile() && clock::now() < until) {
    if (is_there())
      return true;
    ease_spinning();
  }
  return is_there();
}

} // namespace dbproxy
