// Lets steps that become ready in any order go in the order in which they were
// begun: writes that a dispatcher prepares keep their place among the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

namespace dbproxy {

/// One thread; a step may begin and end others.
class sequencer {
public:
  using ticket = std::uint64_t;

  /// The next place in the order; to be given back with `ready`.
  ticket begin() {
    steps_.emplace_back();
    return first_ + steps_.size() - 1;
  }

  /// `go` is called as soon as every earlier step went. An empty one lets the
  /// later ones pass.
  void ready(ticket which, std::function<void()> go) {
    auto& own = steps_[static_cast<std::size_t>(which - first_)];
    own.go = std::move(go);
    own.is_ready = true;
    while (!steps_.empty() && steps_.front().is_ready) {
      auto next = std::move(steps_.front().go);
      steps_.pop_front();
      ++first_;
      if (next)
        next();
    }
  }

  /// A step that is ready as it begins.
  template <class F>
  void run(F&& go) {
    if (steps_.empty())
      go();
    else
      ready(begin(), std::forward<F>(go));
  }

  /// Steps that have not gone.
  std::size_t size() const noexcept { return steps_.size(); }

private:
  struct step {
    std::function<void()> go;
    bool is_ready = false;
  };

  std::deque<step> steps_;
  ticket first_ = 0;
};

} // namespace dbproxy
