#include "app/commands/bench/postgresql_connection.hpp"

#include "app/commands/bench/libpq.hpp"

#include <utility>

namespace dbproxy {

namespace {

/// Of a library that is loaded: there is no connection without it.
const libpq& pq() {
  return **load_libpq();
}

struct clearer {
  void operator()(PGresult* answer) const noexcept { pq().PQclear(answer); }
};

using answer_ptr = std::unique_ptr<PGresult, clearer>;

std::string message_of(PGconn* handle) {
  std::string text = pq().PQerrorMessage(handle);
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

/// Nothing, or what is wrong with an answer.
result<void> check(PGconn* handle, const answer_ptr& answer) {
  auto status = pq().PQresultStatus(answer.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
    return {};
  auto error =
    make_error(error_code::internal, "PostgreSQL: " + message_of(handle));
  const char* state = pq().PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
  if (pq().PQstatus(handle) != CONNECTION_OK) {
    error.code = error_code::unreachable;
    error.outcome = write_outcome::unknown;
  } else if (state != nullptr && std::string_view{state}.starts_with("23")) {
    error.code = error_code::conflict;
  }
  return error;
}

} // namespace

void postgresql_connection::closer::operator()(pg_conn* handle) const noexcept {
  pq().PQfinish(handle);
}

result<postgresql_connection>
postgresql_connection::open(const std::string& conninfo) {
  auto loaded = load_libpq();
  if (!loaded)
    return loaded.error();
  postgresql_connection made{pq().PQconnectdb(conninfo.c_str())};
  if (pq().PQstatus(made.handle_.get()) != CONNECTION_OK)
    return make_error(
      error_code::unreachable,
      "no connection to PostgreSQL: " + message_of(made.handle_.get()));
  return made;
}

result<void> postgresql_connection::execute(
  const std::string& sql, const std::function<void(std::string_view)>& look) {
  answer_ptr answer{pq().PQexec(handle_.get(), sql.c_str())};
  auto done = check(handle_.get(), answer);
  if (!done || !look)
    return done;
  for (int row = 0; row < pq().PQntuples(answer.get()); ++row)
    look(pq().PQgetvalue(answer.get(), row, 0));
  return {};
}

result<void> postgresql_connection::prepare(
  const std::string& name, const std::string& sql) {
  answer_ptr answer{
    pq().PQprepare(handle_.get(), name.c_str(), sql.c_str(), 0, nullptr)};
  return check(handle_.get(), answer);
}

result<void> postgresql_connection::run(
  const std::string& name, std::span<const char* const> parameters) {
  answer_ptr answer{pq().PQexecPrepared(
    handle_.get(), name.c_str(), static_cast<int>(parameters.size()),
    parameters.data(), nullptr, nullptr, 0)};
  return check(handle_.get(), answer);
}

std::string postgresql_connection::server_version() const {
  const char* text = pq().PQparameterStatus(handle_.get(), "server_version");
  std::string version = text == nullptr ? "" : text;
  return version.substr(0, version.find(' '));
}

int postgresql_connection::server_pid() const {
  return pq().PQbackendPID(handle_.get());
}

} // namespace dbproxy
