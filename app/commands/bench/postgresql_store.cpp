// The messages of a round in a schema of its own on a PostgreSQL server: the
// tables of storage/sql/schema/0001_querier.sql that a message touches, with
// the same constraints, indexes and triggers.
#include "actors/log.hpp"
#include "app/commands/bench/message_store.hpp"
#include "app/commands/bench/postgresql_connection.hpp"
#include "app/commands/bench/protocol.hpp"

#include <random>
#include <utility>

namespace dbproxy {

namespace {

constexpr auto tables = R"sql(
CREATE FUNCTION unixepoch() RETURNS bigint LANGUAGE sql STABLE AS
  $$ SELECT extract(epoch FROM now())::bigint $$;

CREATE TABLE sessions (
  id text NOT NULL PRIMARY KEY,
  parent_session_id text,
  title text NOT NULL,
  message_count bigint NOT NULL DEFAULT 0 CHECK (message_count >= 0),
  prompt_tokens bigint NOT NULL DEFAULT 0 CHECK (prompt_tokens >= 0),
  completion_tokens bigint NOT NULL DEFAULT 0 CHECK (completion_tokens >= 0),
  cost double precision NOT NULL DEFAULT 0 CHECK (cost >= 0),
  updated_at bigint NOT NULL DEFAULT unixepoch(),
  created_at bigint NOT NULL DEFAULT unixepoch(),
  summary_message_id text,
  message_count_base bigint NOT NULL DEFAULT 0
);

CREATE INDEX sessions_top_level ON sessions (created_at)
WHERE parent_session_id IS NULL;

CREATE FUNCTION renew_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sessions SET updated_at = unixepoch() WHERE id = NEW.id;
  RETURN NULL;
END $$;

CREATE TRIGGER sessions_updated AFTER UPDATE ON sessions FOR EACH ROW
WHEN (NEW.updated_at <> unixepoch()) EXECUTE FUNCTION renew_session();

CREATE TABLE messages (
  id text NOT NULL PRIMARY KEY,
  session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  role text NOT NULL,
  parts text NOT NULL DEFAULT '[]',
  model text,
  created_at bigint NOT NULL DEFAULT unixepoch(),
  updated_at bigint NOT NULL DEFAULT unixepoch(),
  finished_at bigint
);

CREATE INDEX messages_by_session ON messages (session_id, created_at);

CREATE FUNCTION count_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sessions
  SET message_count = message_count + 1, updated_at = unixepoch()
  WHERE id = NEW.session_id;
  RETURN NULL;
END $$;

CREATE TRIGGER messages_counted_in AFTER INSERT ON messages FOR EACH ROW
EXECUTE FUNCTION count_in();
)sql";

class postgresql_store : public message_store {
public:
  postgresql_store(postgresql_connection db, std::string conninfo)
    : db_(std::move(db)),
      conninfo_(std::move(conninfo)),
      schema_("dbproxy_bench_" + std::to_string(std::random_device{}())) {}

  ~postgresql_store() override {
    if (!made_)
      return;
    auto dropped = db_.execute(
      "SET client_min_messages = warning; DROP SCHEMA " + schema_ + " CASCADE");
    if (!dropped)
      log().warn(
        "the schema {} is left behind: {}", schema_, dropped.error().message);
  }

  result<void> make(std::int64_t processes) {
    if (auto schema = db_.execute("CREATE SCHEMA " + schema_); !schema)
      return schema;
    made_ = true;
    auto sql = "SET search_path = " + schema_ + ";" + tables;
    for (std::int64_t process = 0; process < processes; ++process)
      sql += "INSERT INTO sessions (id, title) VALUES ('"
             + bench_session_id(process) + "', '');";
    return db_.execute(sql);
  }

  void tell(bench_order& order) const override {
    order.location = conninfo_;
    order.schema = schema_;
  }

  std::optional<std::filesystem::path> wal() const override { return {}; }

  std::string engine() const override {
    return "PostgreSQL " + db_.server_version();
  }

  result<void>
  for_each_id(const std::function<void(std::string_view)>& look) override {
    return db_.execute("SELECT id FROM messages", look);
  }

private:
  postgresql_connection db_;
  std::string conninfo_;
  std::string schema_;
  bool made_ = false;
};

} // namespace

result<std::unique_ptr<message_store>>
make_postgresql_store(const std::string& conninfo, std::int64_t processes) {
  auto db = postgresql_connection::open(conninfo);
  if (!db)
    return db.error();
  auto made = std::make_unique<postgresql_store>(std::move(*db), conninfo);
  if (auto done = made->make(processes); !done)
    return done.error();
  return made;
}

} // namespace dbproxy
