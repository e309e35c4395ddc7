// A thread that serves sockets between other work of its own: what it serves,
// and what it is to those who have something to be served.
#pragma once

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
};

} // namespace dbproxy
