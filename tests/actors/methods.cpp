// Every method as a typed message to the proxy of a running instance, against
// the rows of tests/methods.json.
#define CAF_SUITE methods
#include "app/instance.hpp"
#include "messages/catalogue.hpp"
#include "tests/actors/temp_folder.hpp"

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
namespace json = boost::json;

namespace {

json::array steps() {
  std::ifstream in{DBPROXY_METHOD_STEPS};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  return json::parse(text).as_array();
}

/// True if `got` is `wanted`, where "<time>" stands for any Unix time.
bool matches(const json::value& wanted, const json::value& got) {
  if (wanted.is_string() && wanted.as_string() == "<time>")
    return got.is_int64() && got.as_int64() > 1'600'000'000;
  if (wanted.is_array()) {
    if (!got.is_array() || got.as_array().size() != wanted.as_array().size())
      return false;
    for (std::size_t i = 0; i < wanted.as_array().size(); ++i)
      if (!matches(wanted.as_array()[i], got.as_array()[i]))
        return false;
    return true;
  }
  if (wanted.is_object()) {
    if (!got.is_object() || got.as_object().size() != wanted.as_object().size())
      return false;
    for (const auto& [key, value] : wanted.as_object()) {
      const auto* other = got.as_object().if_contains(key);
      if (other == nullptr || !matches(value, *other))
        return false;
    }
    return true;
  }
  return wanted == got;
}

using caller = std::function<json::value(const json::value& params)>;

/// Sends M itself, not a generic call, and encodes what comes back.
template <method M>
caller typed_caller(caf::scoped_actor& self, const proxy_actor& proxy) {
  return [&self, proxy](const json::value& params) {
    auto decoded = codec_for<M>().decode(params).value();
    json::value out;
    auto fail = [](const caf::error& error) {
      throw write_failure{from_caf(error)};
    };
    auto pending =
      self->request(proxy, caf::infinite, decoded.template as<M>());
    if constexpr (std::is_void_v<typename M::returns>)
      pending.receive([] {}, fail);
    else
      pending.receive(
        [&](const typename M::returns& value) { out = encode(value); }, fail);
    return out;
  };
}

struct fixture {
  test::temp_folder folder;
  system_config config;
  caf::actor_system system{config};

  instance start() {
    instance_options options;
    options.database = folder / "a.db";
    return instance::start(system, options).value();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(method_tests, fixture)

CAF_TEST(every method of the catalogue answers with the expected rows) {
  auto self = start();
  caf::scoped_actor sender{system};
  std::map<std::string, caller> callers;
  for_each_method([&](auto id) {
    using M = typename decltype(id)::type;
    callers.emplace(M::spec.name, typed_caller<M>(sender, self.proxy()));
  });
  std::map<std::string, int> used;
  for (const auto& step : steps()) {
    std::string name{step.at("method").as_string()};
    CAF_REQUIRE(callers.count(name) == 1);
    ++used[name];
    auto got = callers.at(name)(step.at("params"));
    if (!matches(step.at("result"), got))
      CAF_ERROR(
        name + " " + json::serialize(step.at("params")) + " returned "
        + json::serialize(got) + " instead of "
        + json::serialize(step.at("result")));
  }
  for (const auto& [name, call] : callers)
    if (used[name] == 0)
      CAF_ERROR("tests/methods.json lacks " + name);
}

CAF_TEST_FIXTURE_SCOPE_END()
