// A blocking client of a primary, for tools that ask one thing at a time.
#pragma once

#include "messages/errors.hpp"
#include "transport/zmq_socket.hpp"

#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace dbproxy {

/// Can only be moved; to be used by one thread at a time.
class rpc_client {
public:
  /// A client of the primary at `rpc_addr`, as the lock file names it. The
  /// connection is made in the background: whether anybody is there is seen by
  /// the first call. INTERNAL for what is no address.
  static result<rpc_client> connect(const std::string& rpc_addr);

  /// Calls a method and waits for the answer; params that are null are left
  /// out. The error of the answer, or UNREACHABLE where there is none within
  /// `timeout`: its outcome is "not applied" if the request was never sent,
  /// else unknown.
  result<boost::json::value> call(
    std::string_view method, const boost::json::value& params,
    std::chrono::milliseconds timeout);

private:
  rpc_client(zmq_socket dealer, std::string rpc_addr);

  zmq_socket dealer_;
  std::string rpc_addr_;
  std::int64_t last_id_ = 0;
};

} // namespace dbproxy
