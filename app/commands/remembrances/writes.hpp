// Writes whose repetition does no harm: they put a file in the place of what
// was there.
#pragma once

#include "app/querier.hpp"
#include "messages/limits.hpp"
#include "messages/validation.hpp"

#include <stop_token>
#include <thread>

namespace dbproxy {

/// What a request may have beside the parameters of its write.
inline constexpr std::size_t envelope_bytes_max = 4096;

/// INVALID_PARAMS where a write is too large to be sent to a primary, so that
/// what can be written does not depend on the way that it takes.
template <class M>
result<void> check_message_size(const M& params) {
  constexpr auto room = limits::message_bytes_max - envelope_bytes_max;
  // Nothing becomes more than eight times as long as JSON.
  if (text_bytes(params) < room / 8)
    return {};
  auto bytes = encode_text(params).size();
  if (bytes <= room)
    return {};
  return make_error(
    error_code::invalid_params, "makes a message of " + std::to_string(bytes)
                                  + " bytes, more than message_bytes_max = "
                                  + std::to_string(limits::message_bytes_max)
                                  + " allows");
}

/// Runs a write, up to limits::retry_attempts_min times while its error may
/// pass.
template <write_params M>
result<typename M::returns>
write_surely(const querier& db, const M& params, const std::stop_token& stop) {
  auto pause = limits::retry_pause_min;
  for (int attempt = 1;; ++attempt) {
    auto outcome = db.call(params);
    if (
      outcome || !outcome.error().is_retryable() || stop.stop_requested()
      || attempt == limits::retry_attempts_min)
      return outcome;
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
}

} // namespace dbproxy
