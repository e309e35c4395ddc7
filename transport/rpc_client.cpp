#include "transport/rpc_client.hpp"

#include "transport/json_rpc.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace dbproxy {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds left_until(clock::time_point deadline) {
  return std::max(
    milliseconds{0}, std::chrono::ceil<milliseconds>(deadline - clock::now()));
}

/// The response to call `id` in one message, nothing if it is to another one,
/// which was given up. An error without an id is ours: there is one call at a
/// time.
std::optional<rpc_response>
response_to(std::int64_t id, std::string_view text) {
  auto response = parse_response(text);
  if (!response)
    return rpc_response{id, std::move(response).error()};
  const bool ours =
    response->id == id || (response->id.is_null() && !response->outcome);
  if (!ours)
    return std::nullopt;
  return std::move(*response);
}

} // namespace

rpc_client::rpc_client(zmq_socket dealer, std::string rpc_addr)
  : dealer_(std::move(dealer)),
    rpc_addr_(std::move(rpc_addr)) {}

result<rpc_client> rpc_client::connect(const std::string& rpc_addr) {
  auto dealer = zmq_socket::open(socket_kind::dealer, {.connected_only = true});
  if (!dealer)
    return dealer.error();
  if (auto connected = dealer->connect(rpc_addr); !connected)
    return connected.error();
  return rpc_client{std::move(*dealer), rpc_addr};
}

result<boost::json::value> rpc_client::call(
  std::string_view method, const boost::json::value& params,
  milliseconds timeout) {
  const auto deadline = clock::now() + timeout;
  const auto id = ++last_id_;
  auto text = request_text(id, method, params);
  bool sent = dealer_.send(text) == send_status::sent;
  std::array<std::string, 1> frames;
  for (bool first = true; first || left_until(deadline) > milliseconds{0};
       first = false) {
    poll_entry entry{.socket = &dealer_, .want_write = !sent};
    wait_for_events({&entry, 1}, left_until(deadline));
    if (!sent)
      sent = dealer_.send(text) == send_status::sent;
    while (dealer_.receive(frames) == 1) {
      auto response = response_to(id, frames[0]);
      if (!response)
        continue;
      if (response->outcome)
        return std::move(response->outcome);
      auto error = response->outcome.error();
      if (error.method.empty())
        error.method = method;
      return error;
    }
  }
  auto error = make_error(
    error_code::unreachable,
    "no answer from " + rpc_addr_ + " within " + std::to_string(timeout.count())
      + " ms",
    method);
  error.outcome = sent ? write_outcome::unknown : write_outcome::not_applied;
  return error;
}

} // namespace dbproxy
