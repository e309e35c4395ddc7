// The two addresses of a primary.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dbproxy {

/// ZeroMQ addresses, "ipc:///path".
struct endpoints {
  std::string rpc_addr; ///< of the ROUTER that answers requests
  std::string pub_addr; ///< of the PUB that announces events

  bool operator==(const endpoints&) const = default;
};

/// The address of the Unix socket at `path`.
inline std::string ipc_address(std::string_view path) {
  return "ipc://" + std::string{path};
}

/// The path of an `ipc://` address, nothing for any other address.
inline std::optional<std::string> ipc_path(std::string_view address) {
  constexpr std::string_view scheme = "ipc://";
  if (!address.starts_with(scheme))
    return std::nullopt;
  return std::string{address.substr(scheme.size())};
}

} // namespace dbproxy
