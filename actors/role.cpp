#include "actors/role.hpp"

namespace dbproxy {

std::string_view to_string(instance_role role) noexcept {
  switch (role) {
  case instance_role::primary:
    return "primary";
  case instance_role::secondary:
    return "secondary";
  case instance_role::standalone:
    return "standalone";
  }
  return "unknown";
}

} // namespace dbproxy
