// original: what the Go original did. Direct as long as SQLite's lock can be
// had within 200 ms, else through the primary.
#include "app/commands/bench/bench_writer.hpp"
#include "app/commands/bench/embedded_instance.hpp"
#include "app/commands/bench/plain_connection.hpp"

#include <utility>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

constexpr auto busy_timeout = 200ms;

class original_writer : public bench_writer {
public:
  original_writer(
    plain_connection db, std::unique_ptr<embedded_instance> embedded)
    : db_(std::move(db)),
      embedded_(std::move(embedded)) {}

  void run(write_series& series) override {
    auto through_primary = embedded_->get().db();
    run_blocking(series, [&](const create_message& params) -> result<void> {
      auto direct = db_.write(params);
      if (direct || direct.error().code != error_code::busy)
        return direct;
      auto forwarded = through_primary.call(params);
      return forwarded ? result<void>{} : forwarded.error();
    });
  }

private:
  plain_connection db_;
  std::unique_ptr<embedded_instance> embedded_;
};

} // namespace

bench_writer_result open_original_writer(const bench_order& order) {
  auto embedded = embedded_instance::start(order, write_routing::forwarded);
  if (!embedded)
    return embedded.error();
  auto db = plain_connection::open(order, lock_wait::sqlite, busy_timeout);
  if (!db)
    return db.error();
  return std::make_unique<original_writer>(
    std::move(*db), std::move(*embedded));
}

} // namespace dbproxy
