// Who had more than its share of the latest batches: where many write, the
// process next to the writer is not to be served more often than the others.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dbproxy {

/// Counts the writes of each source that wrote within the last moments. One
/// thread. Grows with the sources of one `memory`, no further.
class fair_share {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A source that has not written for so long is forgotten.
  static constexpr std::chrono::milliseconds memory{50};

  /// How far behind or ahead of the mean is remembered: what was long ago is
  /// not made up for.
  static constexpr std::int64_t debt_max = 2;
  static constexpr std::int64_t credit_max = 3;

  /// A write of this source is in the batch that begins. Writes without a
  /// source are not counted.
  void note(std::string_view source, time_point now) {
    if (source.empty())
      return;
    auto found = shares_.find(source);
    if (found == shares_.end()) {
      // A newcomer has neither a debt nor a credit.
      auto mean = mean_of_all();
      found = shares_.emplace(std::string{source}, share{mean, now}).first;
      total_ += mean;
    }
    auto& own = found->second;
    auto mean = mean_of_all();
    auto writes =
      std::clamp(own.writes + 1, mean - debt_max, mean + credit_max);
    total_ += writes - own.writes;
    own = {writes, now};
  }

  /// Forgets who has not written lately.
  void forget(time_point now) {
    std::erase_if(shares_, [&](const auto& one) {
      auto old = now - one.second.latest > memory;
      if (old)
        total_ -= one.second.writes;
      return old;
    });
  }

  /// Forgets everybody.
  void clear() {
    shares_.clear();
    total_ = 0;
  }

  /// True for a source that is more than a write ahead of the mean.
  bool is_ahead(std::string_view source) const {
    auto found = shares_.find(source);
    return found != shares_.end() && found->second.writes > mean_of_all() + 1;
  }

private:
  struct share {
    std::int64_t writes = 0;
    time_point latest;
  };

  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::int64_t mean_of_all() const noexcept {
    return shares_.empty() ? 0
                           : total_ / static_cast<std::int64_t>(shares_.size());
  }

  std::unordered_map<std::string, share, text_hash, std::equal_to<>> shares_;
  std::int64_t total_ = 0; ///< of the writes of all
};

} // namespace dbproxy
