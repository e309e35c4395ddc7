// The one error type of dbproxy: what went wrong, in which method, whether the
// write may be sent again, and whether it took effect.
#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <iosfwd>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dbproxy {

/// The category of a failure. Names, numbers and meanings are part of the
/// protocol (docs/protocol.md, "Errors").
enum class error_code {
  timeout,          ///< no answer within the deadline
  unreachable,      ///< no primary answers
  method_not_found, ///< no read or write method of that name
  invalid_params,   ///< the message names the field
  conflict,         ///< a constraint failed, or a request id was reused
  internal,         ///< anything else, with SQLite's extended code
  busy,             ///< a queue is full, or the lock was never free
  unavailable,      ///< the primary is handing over
};

/// What is known about the effect of a failed write.
enum class write_outcome {
  not_applied, ///< it has had no effect and will have none
  unknown,     ///< it may have taken effect
};

/// The name of a code on the wire, for example "INVALID_PARAMS".
std::string_view to_string(error_code code) noexcept;

/// The code of a wire name, or nothing if there is no such name.
std::optional<error_code> parse_error_code(std::string_view name) noexcept;

/// The JSON-RPC error number of a code, -32001 to -32008.
int rpc_number(error_code code) noexcept;

/// True where the failure is transient, so that sending again may succeed.
bool is_retryable(error_code code) noexcept;

/// "not_applied" or "unknown".
std::string_view to_string(write_outcome outcome) noexcept;

/// The error of every operation. A value type; any thread.
struct write_error {
  error_code code = error_code::internal;
  std::string message;
  std::string method;
  write_outcome outcome = write_outcome::not_applied;

  /// True where the same call may succeed later.
  bool is_retryable() const noexcept { return dbproxy::is_retryable(code); }

  bool operator==(const write_error&) const = default;
};

/// "CODE: message (method)".
std::string to_string(const write_error& error);
std::ostream& operator<<(std::ostream& out, const write_error& error);

/// An error whose method is not known yet; whoever knows it fills it in.
write_error
make_error(error_code code, std::string message, std::string_view method = {});

/// The exception form of a write_error: thrown by `result<T>::value()` alone,
/// for callers that prefer exceptions.
class write_failure : public std::runtime_error {
public:
  explicit write_failure(write_error error);

  const write_error& error() const noexcept { return error_; }

private:
  write_error error_;
};

[[noreturn]] void throw_exception_from_error(
  const write_error& error, const boost::source_location& location);

/// A value or a write_error. `if (r)`, `*r`, `r.error()`; `r.value()` throws
/// write_failure.
template <class T>
using result = boost::system::result<T, write_error>;

} // namespace dbproxy
