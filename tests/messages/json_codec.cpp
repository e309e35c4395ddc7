// Tests of the JSON codec: what comes in is checked, and the error names the
// field.
#define CAF_SUITE json_codec
#include "messages/catalogue.hpp"
#include "messages/limits.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
namespace json = boost::json;

namespace {

struct inner {
  std::string name;
  std::optional<std::int64_t> size;
};
BOOST_DESCRIBE_STRUCT(inner, (), (name, size))

struct outer {
  bool flag = false;
  double ratio = 0;
  std::vector<inner> items;
  std::optional<json::object> extra;
};
BOOST_DESCRIBE_STRUCT(outer, (), (flag, ratio, items, extra))

template <class T>
std::string fault_of(std::string_view text) {
  auto decoded = decode<T>(parse_json(text).value());
  CAF_REQUIRE(!decoded);
  CAF_CHECK(decoded.error().code == error_code::invalid_params);
  return decoded.error().message;
}

} // namespace

CAF_TEST(a described struct comes back from its JSON form) {
  outer value{true, 0.25, {{"a", 1}, {"b", {}}}, json::object{{"x", 1}}};
  auto back = decode<outer>(parse_json(encode_text(value)).value()).value();
  CAF_CHECK_EQUAL(back.flag, true);
  CAF_CHECK_EQUAL(back.ratio, 0.25);
  CAF_REQUIRE_EQUAL(back.items.size(), 2u);
  CAF_CHECK_EQUAL(back.items[0].size.value_or(0), 1);
  CAF_CHECK(!back.items[1].size);
  CAF_CHECK(back.extra == value.extra);
}

CAF_TEST(a missing field is named) {
  CAF_CHECK_EQUAL(fault_of<inner>("{}"), "field \"name\" is missing");
}

CAF_TEST(an unknown field is named) {
  CAF_CHECK_EQUAL(
    fault_of<inner>(R"({"name":"a","nmae":1})"), "field \"nmae\" is unknown");
}

CAF_TEST(a wrong type is named with its path) {
  CAF_CHECK_EQUAL(
    fault_of<outer>(R"({"flag":true,"ratio":1,"items":[{"name":5}]})"),
    "field \"items[0].name\" must be a string, not an integer");
  CAF_CHECK_EQUAL(
    fault_of<outer>(R"({"flag":1,"ratio":1,"items":[]})"),
    "field \"flag\" must be a boolean, not an integer");
  CAF_CHECK_EQUAL(
    fault_of<outer>("[]"), "the value must be an object, not an array");
}

CAF_TEST(integers are JSON integers of 64 bits) {
  auto limit = [](std::string_view number) {
    return "{\"limit\":" + std::string{number} + "}";
  };
  auto low = decode<list_session_scores>(
    parse_json(limit("-9223372036854775808")).value());
  CAF_CHECK(low->limit == std::numeric_limits<std::int64_t>::min());
  auto high = decode<list_session_scores>(
    parse_json(limit("9223372036854775807")).value());
  CAF_CHECK(high->limit == std::numeric_limits<std::int64_t>::max());
  for (const auto* wrong : {"9223372036854775808", "1.0", "1e3", "\"1\""})
    fault_of<list_session_scores>(limit(wrong));
}

CAF_TEST(an optional field may be absent or null or of the nullable form) {
  auto size = [](std::string_view text) {
    return decode<inner>(parse_json(text).value()).value().size;
  };
  CAF_CHECK(!size(R"({"name":""})"));
  CAF_CHECK(!size(R"({"name":"","size":null})"));
  CAF_CHECK(!size(R"({"name":"","size":{"Int64":7,"Valid":false}})"));
  CAF_CHECK_EQUAL(
    size(R"({"name":"","size":{"Int64":7,"Valid":true}})").value_or(0), 7);
  CAF_CHECK_EQUAL(size(R"({"name":"","size":7})").value_or(0), 7);
  fault_of<inner>(R"({"name":"","size":{"String":"7","Valid":true}})");
  fault_of<inner>(R"({"name":"","size":{"Int64":7}})");
}

CAF_TEST(text may hold NUL but must be UTF - 8) {
  auto value = decode<inner>(parse_json("{\"name\":\"a\\u0000b\"}").value());
  CAF_CHECK(value->name == std::string("a\0b", 3));
  CAF_CHECK_EQUAL(
    fault_of<inner>("{\"name\":\"\xc3\x28\"}"),
    "field \"name\" is not valid UTF-8");
}

CAF_TEST(malformed UTF - 8 is told from well - formed) {
  for (const auto* good :
       {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\xef\xbf\xbf"})
    CAF_CHECK(is_utf8(good));
  for (const auto* bad :
       {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
        "\xff", "\xf8\x88\x80\x80\x80"})
    CAF_CHECK(!is_utf8(bad));
}

CAF_TEST(a text past the limits is refused with the name of the limit) {
  auto message_of = [](const std::string& text) {
    auto parsed = parse_json(text);
    CAF_REQUIRE(!parsed);
    return parsed.error().message;
  };
  auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CAF_CHECK(parse_json(nested(limits::json_depth_max)).has_value());
  CAF_CHECK(
    message_of(nested(limits::json_depth_max + 1)).find("json_depth_max")
    != std::string::npos);
  std::string large(limits::message_bytes_max - 2, 'x');
  CAF_CHECK(parse_json('"' + large + '"').has_value());
  CAF_CHECK(
    message_of('"' + large + "x\"").find("message_bytes_max")
    != std::string::npos);
}

CAF_TEST(doubles survive the way through JSON to the last bit) {
  std::mt19937_64 random{42};
  std::uniform_real_distribution<double> mantissa{-10, 10};
  std::uniform_int_distribution<int> exponent{-300, 300};
  for (int i = 0; i < 10'000; ++i) {
    auto value = mantissa(random) * std::pow(10.0, exponent(random) / 10);
    auto back = parse_json(encode_text(value)).value();
    CAF_REQUIRE(back.is_double());
    CAF_REQUIRE_EQUAL(
      std::bit_cast<std::uint64_t>(back.get_double()),
      std::bit_cast<std::uint64_t>(value));
  }
  CAF_CHECK(parse_json("[0.1,1e400,5e-1]").value().at(0) == 0.1);
}

CAF_TEST(a vector of floats takes what a float can hold) {
  auto floats = [](std::string_view text) {
    return decode<std::vector<float>>(parse_json(text).value());
  };
  CAF_CHECK(
    floats("[0.5,-2,3e38,1e-60]").value()
    == (std::vector<float>{0.5F, -2.0F, 3e38F, 0.0F}));
  CAF_CHECK(floats("[]").value().empty());
  using lists = std::vector<std::vector<float>>;
  CAF_CHECK_EQUAL(
    fault_of<lists>("[[1],[2,1e39]]"),
    "field \"[1][1]\" does not fit into a 32-bit float");
  CAF_CHECK_EQUAL(
    fault_of<lists>("[[-1e39]]"),
    "field \"[0][0]\" does not fit into a 32-bit float");
  CAF_CHECK_EQUAL(
    fault_of<lists>("[[1,1e999]]"), "field \"[0][1]\" is not a finite number");
  CAF_CHECK_EQUAL(
    fault_of<lists>("[[1],[\"2\"]]"),
    "field \"[1][0]\" must be a number, not a string");
  CAF_CHECK_EQUAL(
    fault_of<lists>("[1]"), "field \"[0]\" must be an array, not an integer");
}

CAF_TEST(an object that is kept as it is must be sound throughout) {
  auto fault = [](std::string_view extra) {
    return fault_of<outer>(
      R"({"flag":true,"ratio":1,"items":[],"extra":)" + std::string{extra}
      + "}");
  };
  CAF_CHECK_EQUAL(
    fault("{\"a\":[1,{\"b\":\"\xff\"}]}"),
    "field \"extra.a[1].b\" is not valid UTF-8");
  CAF_CHECK_EQUAL(
    fault("{\"a\":{\"\xff\":1}}"),
    "field \"extra.a\" has a member name that is not valid UTF-8");
  CAF_CHECK_EQUAL(
    fault("{\"a\":1e999}"), "field \"extra.a\" is not a finite number");
  CAF_CHECK_EQUAL(
    fault("[]"), "field \"extra\" must be an object, not an array");
}

CAF_TEST(an object that never was JSON is held to the same) {
  auto message_of = [](const outer& value) {
    auto valid = validate(value);
    return valid ? std::string{} : valid.error().message;
  };
  outer value;
  value.extra = json::object{{"a", {1, std::nan("")}}};
  CAF_CHECK_EQUAL(
    message_of(value), "field \"extra.a[1]\" is not a finite number");
  auto nested = [](std::size_t depth) {
    json::object object;
    for (; depth > 1; --depth)
      object = json::object{{"a", std::move(object)}};
    return object;
  };
  value.extra = nested(limits::json_depth_max);
  CAF_CHECK_EQUAL(message_of(value), "");
  value.extra = nested(limits::json_depth_max + 1);
  CAF_CHECK(
    message_of(value).find("nested deeper than json_depth_max = 32")
    != std::string::npos);
}

CAF_TEST(what is no JSON is refused) {
  for (const auto* wrong :
       {"", " ", "{", "[1,]", "1 2", "nul", "\"a", "{\"a\":1}}", "+1", "01"})
    CAF_CHECK(!parse_json(wrong));
  for (const auto* right : {"1", " 1 ", "null", "{}", "[[]]\n", "-0.5e3"})
    CAF_CHECK(parse_json(right).has_value());
}

CAF_TEST(a single scalar parameter may stand alone) {
  const auto& codec = codec_for<delete_session>();
  CAF_CHECK(codec.decode("s1")->as<delete_session>().id == "s1");
  CAF_CHECK(!codec.decode(7));
  CAF_CHECK(!codec.decode(nullptr));
  CAF_CHECK(!codec_for<create_message>().decode("m1"));
  CAF_CHECK(codec_for<deactivate_lowest_skill>().decode(nullptr).has_value());
  CAF_CHECK(
    codec_for<deactivate_lowest_skill>().decode(json::object{}).has_value());
  CAF_CHECK(!codec_for<deactivate_lowest_skill>().decode("x"));
}

CAF_TEST(the schema lists members and what is required) {
  auto schema = codec_for<create_message>().schema();
  CAF_CHECK(schema.at("properties").as_object().size() == 5u);
  CAF_CHECK(schema.at("required").as_array().size() == 4u);
  CAF_CHECK(schema.at("additionalProperties").as_bool() == false);
}

CAF_TEST(text is written as the value would be) {
  std::string odd =
    "quote \" backslash \\ line\n tab\t bell\a \x7f snow \u2603";
  outer value{
    true,
    -1.5e300,
    {{odd, std::numeric_limits<std::int64_t>::min()}, {"", {}}},
    json::object{{"list", {1, nullptr, false, "x"}}}};
  CAF_CHECK_EQUAL(encode_text(value), json::serialize(encode(value)));
  CAF_CHECK_EQUAL(encode_text(outer{}), json::serialize(encode(outer{})));
  std::optional<inner> none;
  CAF_CHECK_EQUAL(encode_text(none), "null");
  CAF_CHECK_EQUAL(encode_text(std::vector<double>{}), "[]");
  CAF_CHECK_EQUAL(encode_text(json_text{"[1]"}), "[1]");
}

CAF_TEST(texts can be left out of what is written) {
  auto keep = [](std::string_view name, std::string_view text) {
    return name != "name" || text != "long";
  };
  CAF_CHECK_EQUAL(encode_text_if(inner{"long", 1}, keep), R"({"size":1})");
  CAF_CHECK_EQUAL(
    encode_text_if(std::optional{inner{"b", 1}}, keep),
    R"({"name":"b","size":1})");
  CAF_CHECK_EQUAL(encode_text_if(std::int64_t{7}, keep), "7");
}

CAF_TEST(what is no UTF - 8 is found wherever it is) {
  for (std::size_t size = 1; size < 20; ++size)
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      CAF_CHECK(is_utf8(text));
      text[at] = '\xff';
      CAF_CHECK(!is_utf8(text));
      text.replace(at, 1, "\u2603");
      CAF_CHECK(is_utf8(text));
    }
}
