// How a write_error travels through CAF, and what CAF's own errors mean.
#pragma once

#include "messages/errors.hpp"

#include <caf/all.hpp>

namespace dbproxy {

/// The category of our errors within caf::error.
inline constexpr caf::atom_value error_category = caf::atom("dbproxy");

/// The CAF form: our category, the code, and the whole error as its context.
caf::error to_caf(write_error error);

/// The error behind a caf::error. Errors of CAF itself become INTERNAL (an
/// actor failed) or UNAVAILABLE (it is gone), with an unknown outcome where
/// the receiver may have acted before.
write_error from_caf(const caf::error& error);

/// Keeps a promise that has no value.
void deliver_done(caf::typed_response_promise<void> promise);

} // namespace dbproxy
