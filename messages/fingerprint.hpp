// A 64-bit fingerprint of a value, the same in every process: it tells a
// resend of a write from another write under the same request id.
#pragma once

#include "messages/described.hpp"

#include <boost/json.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace dbproxy {

namespace detail {

/// Mixes eight bytes a step with the finalizer of SplitMix64 (Steele, Lea and
/// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
class fingerprint_state {
public:
  void add_word(std::uint64_t word) noexcept {
    auto z = (state_ ^ word) + 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    state_ = z ^ (z >> 31U);
  }

  void add_text(std::string_view text) noexcept {
    add_word(text.size());
    while (text.size() >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data(), sizeof word);
      add_word(word);
      text.remove_prefix(sizeof word);
    }
    std::uint64_t rest = 0;
    if (!text.empty())
      std::memcpy(&rest, text.data(), text.size());
    add_word(rest);
  }

  template <class T>
  void add(const T& value) {
    if constexpr (described<T>)
      for_each_member<T>([&](auto, auto pointer) { add(value.*pointer); });
    else if constexpr (nullable<T>) {
      add_word(value.has_value() ? 1 : 0);
      if (value)
        add(*value);
    } else if constexpr (list<T>) {
      add_word(value.size());
      for (const auto& element : value)
        add(element);
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>)
      add_text(value);
    else if constexpr (std::is_floating_point_v<T>)
      add_word(std::bit_cast<std::uint64_t>(static_cast<double>(value)));
    else if constexpr (std::is_integral_v<T>)
      add_word(static_cast<std::uint64_t>(value));
    else
      add_json(value);
  }

  std::uint64_t value() const noexcept { return state_; }

private:
  void add_json(const boost::json::value& value) {
    add_text(boost::json::serialize(value));
  }

  std::uint64_t state_ = 0x6462'7072'6f78'7931ULL; // "dbproxy1"
};

} // namespace detail

/// The fingerprint of a described struct or of a member's value.
template <class T>
std::uint64_t fingerprint(const T& value) {
  detail::fingerprint_state state;
  state.add(value);
  return state.value();
}

} // namespace dbproxy
