#include "storage/sqlite_error.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <string>

namespace dbproxy {

namespace {

struct code_row {
  int code;
  std::string_view name;
};

#define DBPROXY_CODE(name)                                                     \
  code_row {                                                                   \
    name, #name                                                                \
  }

constexpr std::array code_rows{
  DBPROXY_CODE(SQLITE_ERROR),
  DBPROXY_CODE(SQLITE_INTERNAL),
  DBPROXY_CODE(SQLITE_PERM),
  DBPROXY_CODE(SQLITE_ABORT),
  DBPROXY_CODE(SQLITE_BUSY),
  DBPROXY_CODE(SQLITE_LOCKED),
  DBPROXY_CODE(SQLITE_NOMEM),
  DBPROXY_CODE(SQLITE_READONLY),
  DBPROXY_CODE(SQLITE_INTERRUPT),
  DBPROXY_CODE(SQLITE_IOERR),
  DBPROXY_CODE(SQLITE_CORRUPT),
  DBPROXY_CODE(SQLITE_NOTFOUND),
  DBPROXY_CODE(SQLITE_FULL),
  DBPROXY_CODE(SQLITE_CANTOPEN),
  DBPROXY_CODE(SQLITE_PROTOCOL),
  DBPROXY_CODE(SQLITE_SCHEMA),
  DBPROXY_CODE(SQLITE_TOOBIG),
  DBPROXY_CODE(SQLITE_CONSTRAINT),
  DBPROXY_CODE(SQLITE_MISMATCH),
  DBPROXY_CODE(SQLITE_MISUSE),
  DBPROXY_CODE(SQLITE_NOLFS),
  DBPROXY_CODE(SQLITE_AUTH),
  DBPROXY_CODE(SQLITE_RANGE),
  DBPROXY_CODE(SQLITE_NOTADB),
  DBPROXY_CODE(SQLITE_ERROR_MISSING_COLLSEQ),
  DBPROXY_CODE(SQLITE_ERROR_RETRY),
  DBPROXY_CODE(SQLITE_ERROR_SNAPSHOT),
  DBPROXY_CODE(SQLITE_ABORT_ROLLBACK),
  DBPROXY_CODE(SQLITE_BUSY_RECOVERY),
  DBPROXY_CODE(SQLITE_BUSY_SNAPSHOT),
  DBPROXY_CODE(SQLITE_BUSY_TIMEOUT),
  DBPROXY_CODE(SQLITE_LOCKED_SHAREDCACHE),
  DBPROXY_CODE(SQLITE_LOCKED_VTAB),
  DBPROXY_CODE(SQLITE_READONLY_RECOVERY),
  DBPROXY_CODE(SQLITE_READONLY_CANTLOCK),
  DBPROXY_CODE(SQLITE_READONLY_ROLLBACK),
  DBPROXY_CODE(SQLITE_READONLY_DBMOVED),
  DBPROXY_CODE(SQLITE_READONLY_CANTINIT),
  DBPROXY_CODE(SQLITE_READONLY_DIRECTORY),
  DBPROXY_CODE(SQLITE_IOERR_READ),
  DBPROXY_CODE(SQLITE_IOERR_SHORT_READ),
  DBPROXY_CODE(SQLITE_IOERR_WRITE),
  DBPROXY_CODE(SQLITE_IOERR_FSYNC),
  DBPROXY_CODE(SQLITE_IOERR_DIR_FSYNC),
  DBPROXY_CODE(SQLITE_IOERR_TRUNCATE),
  DBPROXY_CODE(SQLITE_IOERR_FSTAT),
  DBPROXY_CODE(SQLITE_IOERR_UNLOCK),
  DBPROXY_CODE(SQLITE_IOERR_RDLOCK),
  DBPROXY_CODE(SQLITE_IOERR_DELETE),
  DBPROXY_CODE(SQLITE_IOERR_BLOCKED),
  DBPROXY_CODE(SQLITE_IOERR_NOMEM),
  DBPROXY_CODE(SQLITE_IOERR_ACCESS),
  DBPROXY_CODE(SQLITE_IOERR_CHECKRESERVEDLOCK),
  DBPROXY_CODE(SQLITE_IOERR_LOCK),
  DBPROXY_CODE(SQLITE_IOERR_CLOSE),
  DBPROXY_CODE(SQLITE_IOERR_DIR_CLOSE),
  DBPROXY_CODE(SQLITE_IOERR_SHMOPEN),
  DBPROXY_CODE(SQLITE_IOERR_SHMSIZE),
  DBPROXY_CODE(SQLITE_IOERR_SHMLOCK),
  DBPROXY_CODE(SQLITE_IOERR_SHMMAP),
  DBPROXY_CODE(SQLITE_IOERR_SEEK),
  DBPROXY_CODE(SQLITE_IOERR_DELETE_NOENT),
  DBPROXY_CODE(SQLITE_IOERR_MMAP),
  DBPROXY_CODE(SQLITE_IOERR_GETTEMPPATH),
  DBPROXY_CODE(SQLITE_IOERR_CONVPATH),
  DBPROXY_CODE(SQLITE_IOERR_AUTH),
  DBPROXY_CODE(SQLITE_IOERR_DATA),
  DBPROXY_CODE(SQLITE_IOERR_CORRUPTFS),
  DBPROXY_CODE(SQLITE_CORRUPT_VTAB),
  DBPROXY_CODE(SQLITE_CORRUPT_SEQUENCE),
  DBPROXY_CODE(SQLITE_CORRUPT_INDEX),
  DBPROXY_CODE(SQLITE_CANTOPEN_NOTEMPDIR),
  DBPROXY_CODE(SQLITE_CANTOPEN_ISDIR),
  DBPROXY_CODE(SQLITE_CANTOPEN_FULLPATH),
  DBPROXY_CODE(SQLITE_CANTOPEN_CONVPATH),
  DBPROXY_CODE(SQLITE_CANTOPEN_SYMLINK),
  DBPROXY_CODE(SQLITE_CONSTRAINT_CHECK),
  DBPROXY_CODE(SQLITE_CONSTRAINT_COMMITHOOK),
  DBPROXY_CODE(SQLITE_CONSTRAINT_FOREIGNKEY),
  DBPROXY_CODE(SQLITE_CONSTRAINT_FUNCTION),
  DBPROXY_CODE(SQLITE_CONSTRAINT_NOTNULL),
  DBPROXY_CODE(SQLITE_CONSTRAINT_PRIMARYKEY),
  DBPROXY_CODE(SQLITE_CONSTRAINT_TRIGGER),
  DBPROXY_CODE(SQLITE_CONSTRAINT_UNIQUE),
  DBPROXY_CODE(SQLITE_CONSTRAINT_VTAB),
  DBPROXY_CODE(SQLITE_CONSTRAINT_ROWID),
  DBPROXY_CODE(SQLITE_CONSTRAINT_PINNED),
  DBPROXY_CODE(SQLITE_CONSTRAINT_DATATYPE),
};

#undef DBPROXY_CODE

const code_row* find_row(int code) noexcept {
  const auto* row = std::find_if(
    code_rows.begin(), code_rows.end(),
    [code](const code_row& candidate) { return candidate.code == code; });
  return row == code_rows.end() ? nullptr : row;
}

int primary_code(int code) noexcept {
  return code & 0xff;
}

error_code category_of(int code) noexcept {
  switch (primary_code(code)) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL: // too many lost races for a read lock: transient
    return error_code::busy;
  case SQLITE_CONSTRAINT:
    return error_code::conflict;
  case SQLITE_TOOBIG:
    return error_code::invalid_params;
  default:
    return error_code::internal;
  }
}

} // namespace

std::string_view sqlite_code_name(int code) noexcept {
  const auto* row = find_row(code);
  if (row == nullptr)
    row = find_row(primary_code(code));
  return row == nullptr ? "unknown code" : row->name;
}

write_error make_sqlite_error(int code, std::string_view message) {
  auto category = category_of(code);
  std::string text{message};
  if (category == error_code::internal || category == error_code::busy) {
    text += " (";
    text += sqlite_code_name(code);
    text += ", " + std::to_string(code) + ")";
  }
  return make_error(category, std::move(text));
}

write_error last_sqlite_error(sqlite3* handle) {
  return make_sqlite_error(
    sqlite3_extended_errcode(handle), sqlite3_errmsg(handle));
}

} // namespace dbproxy
