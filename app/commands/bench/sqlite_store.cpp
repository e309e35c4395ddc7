// The messages of a round in a SQLite database.
#include "app/commands/bench/message_store.hpp"
#include "app/commands/bench/protocol.hpp"
#include "app/commands/scratch_folder.hpp"
#include "messages/sessions.hpp"
#include "storage/binding.hpp"
#include "storage/schema.hpp"
#include "storage/scopes.hpp"
#include "storage/sql_text.hpp"

#include <utility>

namespace dbproxy {

namespace {

class sqlite_store : public message_store {
public:
  explicit sqlite_store(scratch_folder folder) : folder_(std::move(folder)) {}

  result<void> make(std::int64_t processes) {
    auto db = open_database(options());
    if (!db)
      return db.error();
    auto transaction = immediate_transaction::begin(*db);
    if (!transaction)
      return transaction.error();
    for (std::int64_t process = 0; process < processes; ++process) {
      create_session params;
      params.id = bench_session_id(process);
      auto insert = db->prepare(find_section(create_session::spec.name));
      if (!insert)
        return insert.error();
      if (auto bound = bind_members(*insert, params); !bound)
        return bound;
      if (auto done = insert->finish(); !done)
        return done;
    }
    return transaction->commit();
  }

  void tell(bench_order& order) const override { order.location = path(); }

  std::string engine() const override {
    return "SQLite " + std::string{sqlite_version()};
  }

  std::optional<std::filesystem::path> wal() const override {
    return path() + "-wal";
  }

  result<void>
  for_each_id(const std::function<void(std::string_view)>& look) override {
    auto db = open_connection(options());
    if (!db)
      return db.error();
    auto rows = db->prepare("SELECT id FROM messages");
    if (!rows)
      return rows.error();
    for (;;) {
      auto row = rows->step();
      if (!row)
        return row.error();
      if (!*row)
        return {};
      look(rows->text(0));
    }
  }

private:
  std::string path() const { return (folder_.path() / "bench.db").string(); }

  open_options options() const {
    open_options out;
    out.path = path();
    return out;
  }

  scratch_folder folder_;
};

} // namespace

result<std::unique_ptr<message_store>>
make_sqlite_store(const std::filesystem::path& parent, std::int64_t processes) {
  auto folder = scratch_folder::make(parent, "dbproxy-bench");
  if (!folder)
    return folder.error();
  auto made = std::make_unique<sqlite_store>(std::move(*folder));
  if (auto done = made->make(processes); !done)
    return done.error();
  return made;
}

} // namespace dbproxy
