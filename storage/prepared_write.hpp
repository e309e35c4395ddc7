// What a writer executes: a request id, what is needed to tell it from another
// write and to answer a resend, and a body that runs in a transaction.
#pragma once

#include "messages/boxed.hpp"
#include "messages/method.hpp"
#include "storage/sqlite.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dbproxy {

/// What a write does on a connection.
using write_body = std::function<result<boxed>(connection&)>;

/// One write, decoded and validated. Immutable once it is shared; any thread.
struct prepared_write {
  std::string method;
  std::string topic; ///< of its event; empty: it is not announced
  std::string key;   ///< of the row that it is about, for its event
  std::string source_instance_id;
  /// The key of its journal row; none: it is not sent again.
  std::optional<std::string> request_id;
  /// Journal rows of its source up to this one may go: see write_meta.
  std::optional<std::string> settled_request_id;
  /// Of method and parameters: tells a resend from another write.
  std::uint64_t fingerprint = 0;
  boxed params;
  const value_codec* params_codec = nullptr;
  const value_codec* returns = nullptr;
  timeout_class timeout = timeout_class::standard;
  /// What it weighs in a batch: about its parameters' bytes.
  std::size_t bytes = 0;
  /// Runs on the writer's thread, inside a transaction that it must not end;
  /// again, where that transaction was lost. Whatever it throws is INTERNAL.
  write_body body;
};

using write_ptr = std::shared_ptr<const prepared_write>;

/// The fingerprint of a write: the same in every process.
std::uint64_t
write_fingerprint(std::string_view method, std::uint64_t params_fingerprint);

} // namespace dbproxy
