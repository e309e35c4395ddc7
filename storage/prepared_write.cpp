#include "storage/prepared_write.hpp"

#include "messages/fingerprint.hpp"

namespace dbproxy {

namespace {

struct identity {
  std::string method;
  std::uint64_t params = 0;
};
BOOST_DESCRIBE_STRUCT(identity, (), (method, params))

} // namespace

std::uint64_t
write_fingerprint(std::string_view method, std::uint64_t params_fingerprint) {
  return fingerprint(identity{std::string{method}, params_fingerprint});
}

} // namespace dbproxy
