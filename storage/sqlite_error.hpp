// What SQLite's result codes mean to a caller: the one place where they become
// write errors. Nothing is ever told from the text of a message.
#pragma once

#include "messages/errors.hpp"

#include <string_view>

struct sqlite3;

namespace dbproxy {

/// The name of an extended result code, for example "SQLITE_IOERR_FSYNC"; of
/// its primary code where the extended one has no name here.
std::string_view sqlite_code_name(int code) noexcept;

/// The write error of an extended result code and SQLite's message:
/// BUSY for the BUSY, LOCKED and PROTOCOL families, CONFLICT for CONSTRAINT
/// (the message names it), INVALID_PARAMS for TOOBIG, else INTERNAL with the
/// code's name and number, "disk I/O error (SQLITE_IOERR_FSYNC, 1034)".
write_error make_sqlite_error(int code, std::string_view message);

/// The error of the last call on a connection.
write_error last_sqlite_error(sqlite3* handle);

} // namespace dbproxy
