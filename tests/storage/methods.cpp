// The set of methods: the catalogue, methods of a host, and prepared writes.
#define CAF_SUITE storage_methods
#include "storage/methods.hpp"

#include "messages/catalogue.hpp"
#include "temp_database.hpp"

#include <algorithm>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct note {
  std::string id;
  std::optional<std::string> text;
};
BOOST_DESCRIBE_STRUCT(note, (), (id, text))

struct note_id {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(note_id, (), (id))

struct no_params {};
BOOST_DESCRIBE_STRUCT(no_params, (), ())

struct fixture {
  fixture() { must(db.execute("CREATE TABLE notes (id PRIMARY KEY, text)")); }

  template <class R>
  result<void> add_function(method_function<note, R> run) {
    return methods.add_write<note, R>(
      "Host", "host.topic", timeout_class::standard, std::move(run));
  }

  write_ptr prepared(
    std::string_view method, std::string_view params, write_ids ids = {}) {
    auto entry = must(methods.find(method, method_kind::write));
    auto json = must(parse_json(params));
    return must(
      prepare(entry, must(entry->params->decode(json)), std::move(ids)));
  }

  temp_database files;
  connection db = files.open();
  method_set methods;
  caller call{db, methods};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(methods_tests, fixture)

CAF_TEST(the set begins with the whole catalogue) {
  std::vector<std::string> expected;
  for_each_method([&](auto identity) {
    using method_type = typename decltype(identity)::type;
    constexpr auto& spec = method_type::spec;
    expected.emplace_back(spec.name);
    auto entry = must(methods.find(spec.name, spec.kind));
    CAF_CHECK_EQUAL(entry->name, spec.name);
    CAF_CHECK(entry->kind == spec.kind);
    CAF_CHECK_EQUAL(entry->topic, spec.topic);
    CAF_CHECK(entry->timeout == spec.timeout);
    CAF_CHECK_EQUAL(entry->params, &codec_for<method_type>());
    CAF_CHECK_EQUAL(entry->returns, &result_codec<method_type>());
  });
  std::ranges::sort(expected);
  CAF_CHECK_EQUAL(methods.names(), expected);
}

CAF_TEST(a method is found by its name and its kind) {
  CAF_CHECK(methods.find("GetSessionByID") != nullptr);
  CAF_CHECK(methods.find("getsessionbyid") == nullptr);
  auto error = must_fail(methods.find("Absent", method_kind::write));
  CAF_CHECK_EQUAL(
    to_string(error),
    "METHOD_NOT_FOUND: there is no write method of that name (Absent)");
  CAF_CHECK_EQUAL(
    to_string(must_fail(methods.find("CreateSession", method_kind::read))),
    "METHOD_NOT_FOUND: there is no read method of that name (CreateSession)");
}

CAF_TEST(a host adds methods in SQL) {
  must(methods.add_write<note, note>(
    "AddNote", "host.note.added", timeout_class::extended,
    "INSERT INTO notes VALUES (:id, :text) RETURNING *"));
  must(methods.add_read<no_params, std::vector<note>>(
    "ListNotes", "SELECT * FROM notes ORDER BY id"));
  must(methods.add_read<note_id, std::optional<std::string>>(
    "GetNote", std::string{"SELECT text FROM notes WHERE id = :id"}));
  CHECK_JSON(
    call("AddNote", R"({"id":"a","text":"A"})"), R"({"id":"a","text":"A"})");
  CHECK_JSON(call("AddNote", R"({"id":"b"})"), R"({"id":"b","text":null})");
  CHECK_JSON(
    call("ListNotes"), R"([{"id":"a","text":"A"},{"id":"b","text":null}])");
  CHECK_JSON(call("GetNote", R"("a")"), R"("A")");
  CHECK_JSON(call("GetNote", R"("absent")"), "null");
  CAF_CHECK_EQUAL(
    call.error("AddNote", R"({"id":"a"})"),
    "CONFLICT: UNIQUE constraint failed: notes.id");
  auto entry = methods.find("AddNote");
  CAF_CHECK_EQUAL(entry->topic, "host.note.added");
  CAF_CHECK(entry->timeout == timeout_class::extended);
  auto names = methods.names();
  CAF_CHECK(std::ranges::binary_search(names, "ListNotes"));
}

CAF_TEST(a host adds methods as functions) {
  must(add_function<std::int64_t>(
    [](connection& on, const note& params) -> result<std::int64_t> {
      auto insert = on.prepare("INSERT INTO notes VALUES (:id, :text)");
      if (!insert)
        return insert.error();
      if (auto bound = bind_members(*insert, params); !bound)
        return bound.error();
      if (auto done = insert->finish(); !done)
        return done.error();
      return on.last_insert_rowid();
    }));
  CHECK_JSON(call("Host", R"({"id":"a"})"), "1");
  CAF_CHECK_EQUAL(
    call.error("Host", R"({"id":"a"})"),
    "CONFLICT: UNIQUE constraint failed: notes.id");
}

CAF_TEST(what a function of the host throws is INTERNAL) {
  auto thrown = [this](auto exception) {
    method_set fresh;
    auto run = [=](connection&, const note&) -> result<void> {
      throw exception;
    };
    must(fresh.add_write<note, void>("Host", "", {}, run));
    return caller{db, fresh}.error("Host", R"({"id":""})");
  };
  CAF_CHECK_EQUAL(
    thrown(std::runtime_error{"a reason"}),
    "INTERNAL: the method threw: a reason");
  CAF_CHECK_EQUAL(thrown(42), "INTERNAL: the method threw");
  CAF_CHECK_EQUAL(
    thrown(write_failure{make_error(error_code::busy, "as it is")}),
    "BUSY: as it is");
}

CAF_TEST(SQL that does not fit the structs is told when it runs) {
  must(methods.add_write<note, note>(
    "Wrong", "", timeout_class::standard, "SELECT :id AS id, :txt AS text"));
  CAF_CHECK(contains(
    call.error("Wrong", R"({"id":"a"})"), "INTERNAL: the SQL has the "
                                          "parameter :txt"));
  must(methods.add_read<note_id, note>("Short", "SELECT :id AS id"));
  CAF_CHECK_EQUAL(
    call.error("Short", R"("a")"),
    "INTERNAL: the SQL does not return the column \"text\"");
  must(methods.add_read<note_id, note>("Broken", "SELECT FROM"));
  CAF_CHECK(contains(call.error("Broken", R"("a")"), "INTERNAL: near "));
}

CAF_TEST(a name is taken once) {
  auto taken = "CONFLICT: there is a method of that name";
  auto add = [this](std::string_view name) {
    return methods.add_read<no_params, std::int64_t>(name, "SELECT 1");
  };
  CAF_CHECK_EQUAL(failure(add("CreateSession")), taken);
  must(add("Mine"));
  CAF_CHECK_EQUAL(failure(add("Mine")), taken);
  CAF_CHECK_EQUAL(failure(add("")), "INVALID_PARAMS: a method needs a name");
}

CAF_TEST(there is a limit to the methods of a host) {
  auto add = [this](std::size_t number) {
    return methods.add_read<no_params, std::int64_t>(
      "Host" + std::to_string(number), "SELECT 1");
  };
  for (std::size_t i = 0; i < limits::host_methods_max; ++i)
    must(add(i));
  CAF_CHECK_EQUAL(
    failure(add(limits::host_methods_max)),
    "INVALID_PARAMS: no more than host_methods_max = 1024 methods can be "
    "added");
}

CAF_TEST(methods may be added while others look for them) {
  auto adder = std::async(std::launch::async, [this] {
    for (int i = 0; i < 200; ++i)
      must(methods.add_read<no_params, std::int64_t>(
        "Host" + std::to_string(i), "SELECT 1"));
  });
  std::size_t before = 0;
  while (adder.wait_for(0ms) != std::future_status::ready) {
    auto size = methods.names().size();
    CAF_REQUIRE(size >= before);
    CAF_REQUIRE(methods.find("CreateSession") != nullptr);
    before = size;
  }
  adder.get();
  CAF_CHECK(methods.find("Host199") != nullptr);
}

CAF_TEST(a prepared write knows all of its method and sender) {
  auto write = prepared(
    "CreateFile",
    R"({"id":"f","session_id":"s","path":"/p","content":"12345",
    "version":"v"})",
    {"instance", "request", "settled"});
  CAF_CHECK_EQUAL(write->method, "CreateFile");
  CAF_CHECK_EQUAL(write->topic, "db.file.created");
  CAF_CHECK_EQUAL(write->key, "f");
  CAF_CHECK_EQUAL(write->source_instance_id, "instance");
  CAF_CHECK(write->request_id == "request");
  CAF_CHECK(write->settled_request_id == "settled");
  CAF_CHECK_EQUAL(write->params.as<create_file>().content, "12345");
  CAF_CHECK_EQUAL(write->params_codec, &codec_for<create_file>());
  CAF_CHECK_EQUAL(write->returns, &codec_for<file>());
  CAF_CHECK(write->timeout == timeout_class::standard);
  CAF_CHECK_EQUAL(write->bytes, 10u);
  CAF_CHECK_EQUAL(
    to_string(must_fail(write->body(db))),
    "CONFLICT: FOREIGN KEY constraint failed (CreateFile)");
}

CAF_TEST(a fingerprint tells one write from another) {
  auto of = [this](std::string_view method, std::string_view params) {
    return prepared(method, params)->fingerprint;
  };
  auto one = of("DeleteFile", R"("x")");
  CAF_CHECK_EQUAL(one, of("DeleteFile", R"({"id":"x"})"));
  CAF_CHECK_NOT_EQUAL(one, of("DeleteFile", R"("y")"));
  CAF_CHECK_NOT_EQUAL(one, of("DeleteMessage", R"("x")"));
  CAF_CHECK_NOT_EQUAL(
    of("UpdateProjectLastOpened", R"({"id":"p"})"),
    of("UpdateProjectLastOpened", R"({"id":"p","last_opened":0})"));
}

CAF_TEST(parameters that could not have come as JSON are refused) {
  auto entry = methods.find("UpdateProjectName");
  auto refused = [&](std::string name) {
    auto params = boxed::of(update_project_name{"p", std::move(name)});
    return to_string(must_fail(prepare(entry, params, {})));
  };
  CAF_CHECK_EQUAL(
    refused("\xff"), "INVALID_PARAMS: field \"name\" is not valid UTF-8 "
                     "(UpdateProjectName)");
  CAF_CHECK(contains(
    refused(std::string(limits::message_bytes_max, 'x')),
    "message_bytes_max = 16777216 (UpdateProjectName)"));
}

CAF_TEST(a prepared write outlives its set) {
  write_ptr write;
  {
    method_set fresh;
    must(fresh.add_write<note, void>(
      "AddNote", "", timeout_class::standard,
      "INSERT INTO notes VALUES (:id, :text)"));
    write = must(
      prepare(fresh.find("AddNote"), boxed::of(note{"a", std::nullopt}), {}));
  }
  must(write->body(db));
  CAF_CHECK_EQUAL(row(db, "SELECT id FROM notes"), "a");
}

CAF_TEST_FIXTURE_SCOPE_END()
