#include "actors/errors.hpp"

#include "actors/message_types.hpp"

#include <utility>

namespace dbproxy {

caf::error to_caf(write_error error) {
  // Zero means "no error" to CAF.
  auto code = static_cast<std::uint8_t>(static_cast<int>(error.code) + 1);
  return {code, error_category, caf::make_message(std::move(error))};
}

write_error from_caf(const caf::error& error) {
  if (
    error.category() == error_category
    && error.context().match_elements<write_error>())
    return error.context().get_as<write_error>(0);
  auto text = "an actor failed: " + caf::to_string(error);
  write_error out = make_error(error_code::internal, std::move(text));
  if (error == caf::sec::request_receiver_down) {
    out.code = error_code::unavailable;
    out.message = "the instance is stopping or restarting";
  }
  if (error == caf::sec::invalid_argument) { // there was nobody to send to
    out.code = error_code::unavailable;
    out.message = "a part of the instance is not running at the moment";
    return out;
  }
  if (error == caf::sec::request_timeout) {
    out.code = error_code::timeout;
    out.message = "no answer within the deadline";
  }
  out.outcome = write_outcome::unknown;
  return out;
}

void deliver_done(caf::typed_response_promise<void> promise) {
  static_cast<caf::response_promise&>(promise).deliver(caf::unit);
}

} // namespace dbproxy
