// direct and direct-tuned: each process on a connection of its own.
#include "app/commands/bench/bench_writer.hpp"
#include "app/commands/bench/plain_connection.hpp"

#include <utility>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

constexpr auto busy_timeout = 5s;

class direct_writer : public bench_writer {
public:
  explicit direct_writer(plain_connection db) : db_(std::move(db)) {}

  void run(write_series& series) override {
    run_blocking(series, [this](const create_message& params) {
      return db_.write(params);
    });
  }

private:
  plain_connection db_;
};

} // namespace

bench_writer_result open_direct_writer(const bench_order& order, strategy how) {
  auto db = plain_connection::open(
    order,
    how == strategy::direct_tuned ? lock_wait::steady : lock_wait::sqlite,
    busy_timeout);
  if (!db)
    return db.error();
  return std::make_unique<direct_writer>(std::move(*db));
}

} // namespace dbproxy
