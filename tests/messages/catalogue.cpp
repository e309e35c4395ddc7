// Tests that hold for every method of the catalogue, generated from it.
#define CAF_SUITE catalogue
#include "messages/catalogue.hpp"

#include <limits>
#include <set>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
namespace json = boost::json;

namespace {

template <class T>
struct inner_type {
  using type = T;
};

template <class T>
struct inner_type<std::optional<T>> {
  using type = T;
};

template <class T>
using without_optional = typename inner_type<T>::type;

template <class M>
json::object complete();

/// A JSON value that fits the member's type, and one that does not.
template <class T>
json::value fitting() {
  if constexpr (nullable<T>)
    return fitting<typename T::value_type>();
  else if constexpr (list<T>)
    return json::array{fitting<typename T::value_type>()};
  else if constexpr (described<T>)
    return complete<T>();
  else if constexpr (std::is_same_v<T, json::object>)
    return json::object{{"key", json::array{1, nullptr}}};
  else if constexpr (std::is_same_v<T, std::string>)
    return "text";
  else if constexpr (std::is_same_v<T, bool>)
    return true;
  else if constexpr (std::is_floating_point_v<T>)
    return 0.5;
  else
    return 7;
}

template <class T>
json::value misfitting() {
  if constexpr (nullable<T>)
    return misfitting<typename T::value_type>();
  else if constexpr (std::is_same_v<T, std::string>)
    return 5;
  else
    return "5";
}

template <class M>
json::object complete() {
  json::object out;
  for_each_member<M>([&](std::string_view name, auto pointer) {
    using T = std::remove_cvref_t<decltype(std::declval<M&>().*pointer)>;
    out.emplace(name, fitting<T>());
  });
  return out;
}

template <class M>
void expect_fault(const json::value& params, std::string_view field) {
  auto decoded = codec_for<M>().decode(params);
  if (decoded) {
    CAF_ERROR(std::string{M::spec.name} + " takes " + json::serialize(params));
    return;
  }
  auto quoted = "\"" + std::string{field} + "\"";
  CAF_CHECK(decoded.error().code == error_code::invalid_params);
  CAF_CHECK(decoded.error().message.find(quoted) != std::string::npos);
}

template <class F>
void for_each_field(F&& f) {
  for_each_method([&](auto id) {
    using M = typename decltype(id)::type;
    for_each_member<M>([&](std::string_view name, auto pointer) {
      using T = std::remove_cvref_t<decltype(std::declval<M&>().*pointer)>;
      f(id, std::string{name}, std::type_identity<T>{});
    });
  });
}

} // namespace

CAF_TEST(every method takes its complete parameters) {
  for_each_method([](auto id) {
    using M = typename decltype(id)::type;
    CAF_CHECK(codec_for<M>().decode(complete<M>()).has_value());
  });
}

CAF_TEST(every method names a missing required field) {
  for_each_field([](auto id, const std::string& name, auto type) {
    using M = typename decltype(id)::type;
    using T = typename decltype(type)::type;
    auto params = complete<M>();
    params.erase(name);
    if constexpr (nullable<T>)
      CAF_CHECK(codec_for<M>().decode(params).has_value());
    else
      expect_fault<M>(params, name);
  });
}

CAF_TEST(every method names a field of the wrong type) {
  for_each_field([](auto id, const std::string& name, auto type) {
    using M = typename decltype(id)::type;
    using T = typename decltype(type)::type;
    auto params = complete<M>();
    params[name] = misfitting<T>();
    expect_fault<M>(params, name);
    if constexpr (!nullable<T>) {
      params[name] = nullptr;
      expect_fault<M>(params, name);
    }
  });
}

CAF_TEST(every method names an element of the wrong type) {
  std::size_t lists = 0;
  for_each_field([&](auto id, const std::string& name, auto type) {
    using M = typename decltype(id)::type;
    using T = without_optional<typename decltype(type)::type>;
    if constexpr (list<T>) {
      using element = typename T::value_type;
      auto params = complete<M>();
      params[name] = json::array{fitting<element>(), misfitting<element>()};
      expect_fault<M>(params, name + "[1]");
      params[name] = json::array{nullptr};
      expect_fault<M>(params, name + "[0]");
      ++lists;
    }
  });
  CAF_CHECK(lists > 10);
}

CAF_TEST(every method names an unknown field) {
  for_each_method([](auto id) {
    using M = typename decltype(id)::type;
    auto params = complete<M>();
    params["no_such_field"] = 1;
    expect_fault<M>(params, "no_such_field");
  });
}

CAF_TEST(every method refuses parameters that are no object) {
  for_each_method([](auto id) {
    using M = typename decltype(id)::type;
    CAF_CHECK(!codec_for<M>().decode(json::array{}));
    if (member_count < M >> 1)
      CAF_CHECK(!codec_for<M>().decode("x"));
  });
}

CAF_TEST(every text must be UTF - 8 whichever way it comes) {
  for_each_field([](auto id, const std::string& name, auto type) {
    using M = typename decltype(id)::type;
    using T = typename decltype(type)::type;
    if constexpr (
      std::is_same_v<
        T, std::string> || std::is_same_v<T, std::optional<std::string>>) {
      auto params = complete<M>();
      params[name] = "\xff";
      expect_fault<M>(params, name);
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      auto params = complete<M>();
      params[name] = json::array{"", "\xff"};
      expect_fault<M>(params, name + "[1]");
    } else if constexpr (std::is_same_v<T, json::object>) {
      auto params = complete<M>();
      params[name] = json::object{{"a", "\xff"}};
      expect_fault<M>(params, name + ".a");
    }
  });
  delete_session typed;
  typed.id = "\xff";
  auto valid = codec_for<delete_session>().validate(boxed::of(typed));
  CAF_REQUIRE(!valid);
  CAF_CHECK_EQUAL(valid.error().message, "field \"id\" is not valid UTF-8");
}

CAF_TEST(numbers that are not finite are refused) {
  create_session typed;
  typed.cost = std::numeric_limits<double>::quiet_NaN();
  auto valid = codec_for<create_session>().validate(boxed::of(typed));
  CAF_REQUIRE(!valid);
  CAF_CHECK_EQUAL(
    valid.error().message, "field \"cost\" is not a finite number");
}

CAF_TEST(names are unique and writes have topics) {
  std::set<std::string_view> names;
  for_each_method([&](auto id) {
    using M = typename decltype(id)::type;
    CAF_CHECK(names.insert(M::spec.name).second);
    CAF_CHECK_EQUAL(M::spec.topic.empty(), M::spec.kind == method_kind::read);
  });
}

CAF_TEST(fingerprints tell values apart and are the same everywhere) {
  delete_session one{"a"};
  delete_session two{"b"};
  CAF_CHECK_EQUAL(fingerprint(one), fingerprint(delete_session{"a"}));
  CAF_CHECK_NOT_EQUAL(fingerprint(one), fingerprint(two));
  // Part of the journal: another value would make resends conflicts.
  CAF_CHECK_EQUAL(fingerprint(one), 16573989575189022412u);
}
