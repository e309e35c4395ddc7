// The roles of an instance.
#pragma once

#include <string_view>

namespace dbproxy {

/// Which role an instance asks for.
enum class role_request {
  automatic, ///< primary if there is none, else secondary until there is none
  primary,   ///< as automatic, but CONFLICT if there is one at the start
  secondary, ///< never primary
};

/// Which role it has.
enum class instance_role {
  primary,
  secondary,
  standalone, ///< without networking: alone with its file, as it believes
};

std::string_view to_string(instance_role role) noexcept;

} // namespace dbproxy
