// What the writer was asked for and has not answered. While there is something,
// its answer is near, and whoever waits for it may do so awake.
#pragma once

#include <atomic>
#include <memory>

namespace dbproxy {

/// Any thread.
class open_batches {
public:
  /// Counts one more, until the last copy of what this returns is gone: it goes
  /// with the handler of the answer, also where that never comes.
  std::shared_ptr<void> add() {
    ++*count_;
    return {nullptr, [count = count_](void*) { --*count; }};
  }

  bool any() const noexcept { return *count_ > 0; }

private:
  std::shared_ptr<std::atomic<int>> count_ =
    std::make_shared<std::atomic<int>>(0);
};

} // namespace dbproxy
