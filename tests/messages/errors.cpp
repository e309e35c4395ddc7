// Tests of the error type and of the bounds on meta.
#define CAF_SUITE errors
#include "messages/errors.hpp"
#include "messages/timestamp.hpp"
#include "messages/write.hpp"

#include "caf/test/unit_test.hpp"

using namespace dbproxy;

namespace {

std::string fault_of(const write_meta& meta) {
  auto valid = validate_meta(meta);
  CAF_REQUIRE(!valid);
  CAF_CHECK(valid.error().code == error_code::invalid_params);
  return valid.error().message;
}

bool names(const std::string& message, std::string_view field) {
  return message.find(field) != std::string::npos;
}

} // namespace

CAF_TEST(every code has its name and number and they come back) {
  auto number = -32001;
  for (const auto* name :
       {"TIMEOUT", "UNREACHABLE", "METHOD_NOT_FOUND", "INVALID_PARAMS",
        "CONFLICT", "INTERNAL", "BUSY", "UNAVAILABLE"}) {
    auto code = parse_error_code(name);
    CAF_REQUIRE(code.has_value());
    CAF_CHECK_EQUAL(to_string(*code), name);
    CAF_CHECK_EQUAL(rpc_number(*code), number--);
  }
  CAF_CHECK(!parse_error_code("NO_SUCH_CODE"));
}

CAF_TEST(only transient errors are retryable) {
  for (auto code :
       {error_code::timeout, error_code::unreachable, error_code::busy,
        error_code::unavailable})
    CAF_CHECK(is_retryable(code));
  for (auto code :
       {error_code::method_not_found, error_code::invalid_params,
        error_code::conflict, error_code::internal})
    CAF_CHECK(!is_retryable(code));
}

CAF_TEST(a value asked of an error throws it) {
  result<int> failed = make_error(error_code::conflict, "no");
  try {
    (void)failed.value();
    CAF_FAIL("nothing was thrown");
  } catch (const write_failure& failure) {
    CAF_CHECK(failure.error().code == error_code::conflict);
  }
}

CAF_TEST(meta within its bounds passes) {
  write_meta meta;
  CAF_CHECK(validate_meta(meta).has_value());
  meta.source_instance_id = std::string(limits::instance_id_bytes_max, 'i');
  meta.request_id = std::string(limits::request_id_bytes_max, 'r');
  meta.timestamp = rfc3339_now();
  meta.timeout_ms = limits::timeout_max.count();
  CAF_CHECK(validate_meta(meta).has_value());
}

CAF_TEST(meta out of bounds is refused with the field) {
  write_meta meta;
  meta.request_id = std::string(limits::request_id_bytes_max + 1, 'r');
  CAF_CHECK(names(fault_of(meta), "meta.request_id"));
  meta.request_id = "";
  CAF_CHECK(names(fault_of(meta), "meta.request_id"));
  meta = {};
  meta.source_instance_id = std::string(limits::instance_id_bytes_max + 1, 'i');
  CAF_CHECK(names(fault_of(meta), "meta.source_instance_id"));
  meta = {};
  meta.timestamp = "yesterday";
  CAF_CHECK(names(fault_of(meta), "meta.timestamp"));
  for (auto wrong :
       {std::int64_t{0}, std::int64_t{limits::timeout_max.count()} + 1}) {
    meta = {};
    meta.timeout_ms = wrong;
    CAF_CHECK(names(fault_of(meta), "meta.timeout_ms"));
  }
}

CAF_TEST(date and time are those of RFC 3339) {
  for (const auto* good :
       {"1985-04-12T23:20:50.52Z", "1996-12-19T16:39:57-08:00",
        "1990-12-31T23:59:60Z", "1937-01-01T12:00:27.87+00:20"})
    CAF_CHECK(is_rfc3339(good));
  for (const auto* bad :
       {"", "1985-04-12", "1985-13-12T23:20:50Z", "1985-04-12T24:20:50Z",
        "1985-04-12T23:20:50", "1985-04-12T23:20:50.Z", "1985-04-12 23:20:50Z",
        "1985-04-12T23:20:50Zx"})
    CAF_CHECK(!is_rfc3339(bad));
  CAF_CHECK(is_rfc3339(rfc3339_now()));
}
