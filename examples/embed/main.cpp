// A host application with an actor system of its own: it embeds an instance,
// talks to the typed proxy from one of its actors, to the blocking facade from
// main(), and adds a write method, a read method and an RPC method.
//
//   embed DATABASE primary|secondary NAME
#include <dbproxy/app/instance.hpp>

#include <iostream>
#include <string>

using namespace dbproxy;

// -- a table of the host's, and its methods ----------------------------------

struct note {
  std::string name;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(note, (), (name, text))

struct no_params {};
BOOST_DESCRIBE_STRUCT(no_params, (), ())

void add_notes(method_set& methods) {
  // A function runs in the transaction of the write ...
  methods
    .add_write<note, void>(
      "AddNote", "app.note.added", timeout_class::standard,
      [](connection& db, const note& added) -> result<void> {
        if (auto done = db.execute("CREATE TABLE IF NOT EXISTS notes"
                                   "(name TEXT PRIMARY KEY, text TEXT)");
            !done)
          return done;
        auto insert = db.prepare("INSERT INTO notes VALUES (?, ?)");
        if (!insert)
          return insert.error();
        insert->bind_text(1, added.name);
        insert->bind_text(2, added.text);
        return insert->finish();
      })
    .value();
  // ... and SQL is bound by the names of the members.
  methods
    .add_read<no_params, std::vector<note>>(
      "ListNotes", "SELECT name, text FROM notes ORDER BY name")
    .value();
}

// -- an actor of the host's that uses the typed proxy ------------------------

caf::behavior greeter(
  caf::event_based_actor* self, const proxy_actor& db, const std::string& id) {
  create_session wanted;
  wanted.id = id;
  wanted.title = "written by an actor";
  self->request(db, caf::infinite, wanted)
    .then(
      [=](const session& created) {
        std::cout << "actor: " << created.title << std::endl;
        self->quit();
      },
      [=](const caf::error& error) {
        std::cerr << to_string(from_caf(error)) << std::endl;
        self->quit(error);
      });
  return {[](caf::unit_t) {}};
}

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: embed DATABASE primary|secondary NAME\n";
    return 2;
  }
  std::string name = argv[3];
  system_config config; // or the host's own
  caf::actor_system system{config};
  instance_options options;
  options.database = argv[1];
  options.role = std::string{argv[2]} == "primary" ? role_request::primary
                                                   : role_request::secondary;
  options.methods = std::make_shared<method_set>();
  add_notes(*options.methods);
  auto self = instance::start(system, options);
  if (!self) {
    std::cerr << self.error() << '\n';
    return 1;
  }
  self
    ->register_rpc(
      "app.hello",
      [name](const boost::json::value&) -> result<boost::json::value> {
        return boost::json::value("hello from " + name);
      })
    .value();

  auto actor = system.spawn(greeter, self->proxy(), name + "-actor");
  {
    caf::scoped_actor waiting{system};
    waiting->wait_for(actor);
  }

  auto db = self->db();
  auto read = db.call(get_session_by_id{name + "-actor"}).value();
  std::cout << "facade: " << (read ? read->title : "nothing") << std::endl;
  db.write("AddNote", encode(note{name, "by " + name})).value();
  for (const auto& one :
       decode<std::vector<note>>(db.read("ListNotes", nullptr).value()).value())
    std::cout << "note: " << one.text << std::endl;

  std::cout << to_string(self->role()) << " is ready" << std::endl;
  std::string line;
  std::getline(std::cin, line); // serves until its input ends
}
