// Whether the messages of a round are those that were acknowledged.
#pragma once

#include "app/commands/bench/message_store.hpp"
#include "app/commands/bench/protocol.hpp"
#include "messages/errors.hpp"

#include <vector>

namespace dbproxy {

/// INTERNAL, with counts and an example, where a write that was acknowledged
/// is not there, one that was not applied is, or a row is nobody's. Of a write
/// with an unknown outcome either is right. One report for each process, in
/// their order.
result<void>
check_rows(message_store& store, const std::vector<bench_report>& reports);

} // namespace dbproxy
