// postgresql: each process on a connection to a server.
#include "app/commands/bench/bench_writer.hpp"
#include "app/commands/bench/postgresql_connection.hpp"
#include "app/commands/bench/process_usage.hpp"

#include <array>
#include <utility>

namespace dbproxy {

namespace {

constexpr auto insert = "create_message";

class postgresql_writer : public bench_writer {
public:
  explicit postgresql_writer(postgresql_connection db) : db_(std::move(db)) {}

  void run(write_series& series) override {
    run_blocking(series, [this](const create_message& params) {
      std::array values{
        params.id.c_str(), params.session_id.c_str(), params.role.c_str(),
        params.parts.c_str(),
        params.model ? params.model->c_str()
                     : static_cast<const char*>(nullptr)};
      return db_.run(insert, values);
    });
  }

  double cpu_seconds_elsewhere() const override {
    return cpu_seconds_of(db_.server_pid(), "postgres");
  }

private:
  postgresql_connection db_;
};

} // namespace

bench_writer_result open_postgresql_writer(const bench_order& order) {
  auto db = postgresql_connection::open(order.location);
  if (!db)
    return db.error();
  auto durable = order.sync == "full" ? "on" : "off";
  if (auto set = db->execute(
        "SET search_path = " + order.schema
        + "; SET synchronous_commit = " + durable);
      !set)
    return set.error();
  if (auto prepared = db->prepare(
        insert, "INSERT INTO messages (id, session_id, role, parts, model)"
                " VALUES ($1, $2, $3, $4, $5) RETURNING *");
      !prepared)
    return prepared.error();
  return std::make_unique<postgresql_writer>(std::move(*db));
}

} // namespace dbproxy
