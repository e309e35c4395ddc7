// Iteration over the members of a described struct: the one description from
// which the JSON form, the SQL binding, the fingerprint and the schema come.
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dbproxy {

/// A struct whose members were named with BOOST_DESCRIBE_STRUCT.
template <class T>
concept described =
  std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

/// The public members of T, those of its described bases first.
template <described T>
using members_of = boost::describe::describe_members<
  T, boost::describe::mod_public | boost::describe::mod_inherited>;

/// The number of members of T.
template <described T>
inline constexpr std::size_t member_count =
  boost::mp11::mp_size<members_of<T>>::value;

/// Their names, in the order of the description.
template <described T>
inline constexpr auto member_names = [] {
  std::array<std::string_view, member_count<T>> names;
  std::size_t at = 0;
  boost::mp11::mp_for_each<members_of<T>>(
    [&](auto member) { names[at++] = member.name; });
  return names;
}();

/// Calls `f(name, pointer_to_member)` for every member of T, in the order of
/// the description.
template <described T, class F>
constexpr void for_each_member(F&& f) {
  boost::mp11::mp_for_each<members_of<T>>(
    [&](auto member) { f(member.name, member.pointer); });
}

template <class T>
struct is_optional : std::false_type {};

template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

/// A `std::optional`: a nullable column, a field that may be absent.
template <class T>
concept nullable = is_optional<T>::value;

template <class T>
struct is_vector : std::false_type {};

template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

/// A `std::vector`: a list of rows or of values.
template <class T>
concept list = is_vector<T>::value;

} // namespace dbproxy
