// What the benchmarks write: a message of 400 bytes, as `dbproxy bench` does.
#pragma once

#include "messages/sessions.hpp"
#include "storage/methods.hpp"

#include <cstdint>
#include <string>

namespace dbproxy {

inline create_message sample_message(std::uint64_t number) {
  create_message sample;
  sample.id = "message-" + std::to_string(number);
  sample.session_id = "s";
  sample.role = "user";
  sample.parts.assign(400, 'x');
  return sample;
}

inline create_session sample_session() {
  create_session sample;
  sample.id = "s";
  return sample;
}

/// A write with the request id that an instance would have generated.
inline write_ptr sample_write(const method_set& methods, std::uint64_t number) {
  constexpr std::string_view run = "0123456789abcdef-";
  auto digits = std::to_string(number);
  write_ids ids;
  ids.source_instance_id = "bench";
  ids.request_id =
    std::string{run} + std::string(12 - digits.size(), '0') + digits;
  return prepare(
           methods.find("CreateMessage"), boxed::of(sample_message(number)),
           std::move(ids))
    .value();
}

} // namespace dbproxy
