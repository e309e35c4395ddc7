// A value whose type is known to its method only, and the codec that reads,
// checks, hashes and writes it. With these, one path serves every method.
#pragma once

#include "messages/fingerprint.hpp"
#include "messages/json_codec.hpp"
#include "messages/validation.hpp"

#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace dbproxy {

/// An immutable shared value of a type that its codec knows; empty for "no
/// result". Copies share the value. Any thread.
class boxed {
public:
  boxed() = default;

  template <class T>
  static boxed of(T value) {
    boxed box;
    box.value_ = std::make_shared<const T>(std::move(value));
    return box;
  }

  /// The value. T must be the type that it was made of.
  template <class T>
  const T& as() const noexcept {
    return *static_cast<const T*>(value_.get());
  }

  bool empty() const noexcept { return value_ == nullptr; }

private:
  std::shared_ptr<const void> value_;
};

/// What can be done with a boxed value of one type. Static storage.
struct value_codec {
  /// INVALID_PARAMS where the JSON is not of the type.
  result<boxed> (*decode)(const boost::json::value&);
  boost::json::value (*encode)(const boxed&);
  /// The same as text; and without the texts that the filter refuses.
  std::string (*encode_text)(const boxed&);
  std::string (*encode_text_if)(const boxed&, const text_filter& keep);
  /// INVALID_PARAMS where the value could not have come from JSON.
  result<void> (*validate)(const boxed&);
  /// Equal values have equal fingerprints, in every process and version.
  std::uint64_t (*fingerprint)(const boxed&);
  /// The text bytes that the value holds.
  std::size_t (*bytes)(const boxed&);
  /// The first member if it is a string: the key of the row it is about.
  std::string (*key)(const boxed&);
  /// The member of that name, if it is a text and is there.
  std::optional<std::string_view> (*member_text)(
    const boxed&, std::string_view name);
  boost::json::object (*schema)();
};

namespace detail {

/// True if no member of T needs to be given.
template <described T>
constexpr bool all_optional() {
  bool all = true;
  for_each_member<T>([&](std::string_view, auto pointer) {
    using member_type =
      std::remove_cvref_t<decltype(std::declval<T&>().*pointer)>;
    all &= nullable<member_type>;
  });
  return all;
}

/// A parameter struct of which no member needs to be given may be left out;
/// one with a single scalar member takes that scalar itself.
template <class T>
result<boxed> decode_boxed(const boost::json::value& value) {
  if constexpr (described<T>) {
    if constexpr (all_optional<T>()) {
      if (value.is_null())
        return boxed::of(T{});
    }
    if constexpr (member_count<T> == 1) {
      if (!value.is_object() && !value.is_null() && !value.is_array()) {
        boost::json::object object;
        for_each_member<T>(
          [&](std::string_view name, auto) { object.emplace(name, value); });
        return decode_boxed<T>(object);
      }
    }
  }
  auto decoded = dbproxy::decode<T>(value);
  if (!decoded)
    return decoded.error();
  return boxed::of(std::move(*decoded));
}

template <class T>
std::string first_text(const boxed& value) {
  if constexpr (described<T>)
    if constexpr (member_count<T> != 0) {
      using first = boost::mp11::mp_front<members_of<T>>;
      const auto& member = value.as<T>().*first::pointer;
      if constexpr (std::is_same_v<
                      std::remove_cvref_t<decltype(member)>, std::string>)
        return member;
    }
  return {};
}

template <class T>
std::optional<std::string_view>
member_text(const boxed& value, std::string_view wanted) {
  std::optional<std::string_view> found;
  if constexpr (described<T>)
    for_each_member<T>([&](std::string_view name, auto pointer) {
      using member_type =
        std::remove_cvref_t<decltype(std::declval<T&>().*pointer)>;
      if constexpr (std::is_same_v<member_type, std::string>) {
        if (name == wanted)
          found = value.as<T>().*pointer;
      } else if constexpr (std::is_same_v<
                             member_type, std::optional<std::string>>) {
        const auto& text = value.as<T>().*pointer;
        if (name == wanted && text)
          found = *text;
      }
    });
  return found;
}

} // namespace detail

/// The codec of T; of void for "no result".
template <class T>
const value_codec& codec_for() {
  static constexpr value_codec codec = [] {
    if constexpr (std::is_void_v<T>)
      return value_codec{
        [](const boost::json::value&) -> result<boxed> { return boxed{}; },
        [](const boxed&) { return boost::json::value{}; },
        [](const boxed&) { return std::string{"null"}; },
        [](const boxed&, const text_filter&) { return std::string{"null"}; },
        [](const boxed&) -> result<void> { return {}; },
        [](const boxed&) { return std::uint64_t{0}; },
        [](const boxed&) { return std::size_t{0}; },
        [](const boxed&) { return std::string{}; },
        [](const boxed&, std::string_view) {
          return std::optional<std::string_view>{};
        },
        &detail::schema_of<void>};
    else
      return value_codec{
        &detail::decode_boxed<T>,
        [](const boxed& value) { return encode(value.as<T>()); },
        [](const boxed& value) { return encode_text(value.as<T>()); },
        [](const boxed& value, const text_filter& keep) {
          return encode_text_if(value.as<T>(), keep);
        },
        [](const boxed& value) { return validate(value.as<T>()); },
        [](const boxed& value) { return fingerprint(value.as<T>()); },
        [](const boxed& value) { return text_bytes(value.as<T>()); },
        &detail::first_text<T>,
        &detail::member_text<T>,
        &detail::schema_of<T>};
  }();
  return codec;
}

} // namespace dbproxy
