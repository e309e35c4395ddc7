// The one spelling of a database's path, and the directory beside it that
// nobody else may enter.
#define CAF_SUITE instance_directory

#include "transport/instance_directory.hpp"

#include "transport/private_directory.hpp"

#include "tests/transport/fixtures.hpp"

#include "caf/test/unit_test.hpp"

#include <fstream>

#include <sys/stat.h>

using namespace dbproxy;
using namespace dbproxy::test;

namespace fs = std::filesystem;

namespace {

struct fixture {
  temp_directory temp;

  fs::path make_file(const fs::path& path) {
    std::ofstream{path} << "x";
    return path;
  }

  std::string canonical(const fs::path& path) {
    auto found = canonical_database_path(path);
    return found ? found->string() : found.error().message;
  }

  bool refuses_path(const fs::path& path) {
    auto found = canonical_database_path(path);
    return !found && found.error().code == error_code::invalid_params
           && found.error().message.find(path.string()) != std::string::npos;
  }

  /// Both ways to an instance directory refuse it, with its name.
  bool refuses_directory(const fs::path& database) {
    const auto name = database.string() + ".dbproxy";
    const auto named = [&](const write_error& error) {
      return error.code == error_code::internal
             && error.message.find(name) != std::string::npos;
    };
    auto opened = instance_directory::open(database);
    auto found = instance_directory::find(database);
    return !opened && named(opened.error()) && !found && named(found.error());
  }

  /// A directory whose path is `bytes` long.
  fs::path long_directory(std::size_t bytes) {
    auto path = temp.path();
    while (bytes - path.native().size() > 101)
      path /= std::string(99, 'd');
    path /= std::string(bytes - path.native().size() - 1, 'e');
    fs::create_directories(path);
    return path;
  }
};

mode_t mode_of(const fs::path& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

bool starts_with(const std::string& address, const fs::path& folder) {
  return address.starts_with("ipc://" + folder.string() + "/");
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(instance_directory_tests, fixture)

CAF_TEST(every spelling of a database is one path) {
  fs::create_directory(temp / "real");
  const auto database = make_file(temp / "real/a.db");
  fs::create_directory_symlink(temp / "real", temp / "linked");
  fs::create_symlink("a.db", temp / "real/b.db");
  fs::create_symlink(temp / "linked/b.db", temp / "c.db");
  const auto wanted = database.string();
  CAF_CHECK_EQUAL(canonical(database), wanted);
  CAF_CHECK_EQUAL(canonical(temp / "real/../real/./a.db"), wanted);
  CAF_CHECK_EQUAL(canonical(temp / "linked/a.db"), wanted);
  CAF_CHECK_EQUAL(canonical(temp / "linked/b.db"), wanted);
  CAF_CHECK_EQUAL(canonical(temp / "c.db"), wanted);
  const auto before = fs::current_path();
  fs::current_path(temp / "real");
  CAF_CHECK_EQUAL(canonical("a.db"), wanted);
  CAF_CHECK_EQUAL(canonical("../linked/a.db"), wanted);
  fs::current_path(before);
}

CAF_TEST(a database has the same path before it exists) {
  fs::create_directory(temp / "real");
  fs::create_directory_symlink(temp / "real", temp / "linked");
  fs::create_symlink("later.db", temp / "real/link.db");
  fs::create_symlink(temp / "linked/link.db", temp / "link of link.db");
  const auto wanted = (temp / "real/later.db").string();
  for (int exists = 0; exists < 2; ++exists) {
    CAF_CHECK_EQUAL(canonical(temp / "linked/later.db"), wanted);
    CAF_CHECK_EQUAL(canonical(temp / "linked/link.db"), wanted);
    CAF_CHECK_EQUAL(canonical(temp / "link of link.db"), wanted);
    make_file(temp / "real/later.db");
  }
}

CAF_TEST(what cannot be a database is refused by name) {
  fs::create_directory(temp / "folder");
  fs::create_directory_symlink(temp / "folder", temp / "folder link");
  fs::create_symlink("loop.db", temp / "loop.db");
  make_file(temp / "file");
  CAF_CHECK(refuses_path(""));
  CAF_CHECK(refuses_path("/"));
  CAF_CHECK(refuses_path(temp / "folder"));
  CAF_CHECK(refuses_path(temp / "folder/"));
  CAF_CHECK(refuses_path(temp / "folder/."));
  CAF_CHECK(refuses_path(temp / "folder/.."));
  CAF_CHECK(refuses_path(temp / "folder link"));
  CAF_CHECK(refuses_path(temp / "missing/a.db"));
  CAF_CHECK(refuses_path(temp / "file/a.db"));
  CAF_CHECK(refuses_path(temp / "loop.db"));
  CAF_CHECK(refuses_path("/dev/null"));
  CAF_CHECK(!canonical_database_path(std::string("a\0b", 3)));
}

CAF_TEST(the directory is created for its owner alone) {
  const auto before = ::umask(0);
  const auto open = instance_directory::open(temp / "open.db");
  ::umask(0777);
  const auto shut = instance_directory::open(temp / "shut.db");
  ::umask(before);
  CAF_REQUIRE(open && shut);
  CAF_CHECK_EQUAL(mode_of(temp / "open.db.dbproxy"), 0700u);
  CAF_CHECK_EQUAL(mode_of(temp / "shut.db.dbproxy"), 0700u);
  CAF_CHECK_EQUAL(open->database().string(), (temp / "open.db").string());
  CAF_CHECK_EQUAL(open->path().string(), (temp / "open.db.dbproxy").string());
  CAF_CHECK_EQUAL(
    open->lock_path().string(), (temp / "open.db.dbproxy/lock").string());
  CAF_CHECK(instance_directory::open(temp / "open.db"));
}

CAF_TEST(looking for the directory creates nothing) {
  const auto missing = instance_directory::find(temp / "a.db");
  CAF_REQUIRE(missing);
  CAF_CHECK(!*missing);
  CAF_CHECK(!fs::exists(temp / "a.db.dbproxy"));
  CAF_REQUIRE(instance_directory::open(temp / "a.db"));
  const auto found = instance_directory::find(temp / "a.db");
  CAF_REQUIRE(found && *found);
  CAF_CHECK_EQUAL((*found)->path().string(), (temp / "a.db.dbproxy").string());
}

CAF_TEST(a directory that others can reach is refused) {
  fs::create_directory(temp / "elsewhere");
  ::chmod((temp / "elsewhere").c_str(), 0700);
  fs::create_directory_symlink(temp / "elsewhere", temp / "link.db.dbproxy");
  fs::create_symlink(temp / "nowhere", temp / "dangling.db.dbproxy");
  make_file(temp / "file.db.dbproxy");
  for (const mode_t mode : {0701, 0710, 0750, 0777}) {
    const auto name = "mode" + std::to_string(mode) + ".db";
    fs::create_directory(temp / (name + ".dbproxy"));
    ::chmod((temp / (name + ".dbproxy")).c_str(), mode);
    CAF_CHECK(refuses_directory(temp / name));
  }
  CAF_CHECK(refuses_directory(temp / "link.db"));
  CAF_CHECK(refuses_directory(temp / "dangling.db"));
  CAF_CHECK(refuses_directory(temp / "file.db"));
  CAF_CHECK(!instance_directory::open(temp / "missing/a.db"));
}

CAF_TEST(a directory of somebody else is refused) {
  if (::geteuid() != 0) {
    CAF_MESSAGE("only root can give a directory away");
    return;
  }
  CAF_REQUIRE(instance_directory::open(temp / "a.db"));
  CAF_CHECK(!refuses_directory(temp / "a.db"));
  CAF_REQUIRE_EQUAL(::chown((temp / "a.db.dbproxy").c_str(), 1, 0), 0);
  CAF_CHECK(refuses_directory(temp / "a.db"));
}

CAF_TEST(the sockets live in the directory and bear the epoch) {
  const auto directory = instance_directory::open(temp / "a.db");
  CAF_REQUIRE(directory);
  const auto where = directory->endpoints_for(42);
  CAF_REQUIRE(where);
  const auto folder = "ipc://" + directory->path().string();
  CAF_CHECK_EQUAL(where->rpc_addr, folder + "/rpc-42.sock");
  CAF_CHECK_EQUAL(where->pub_addr, folder + "/pub-42.sock");
}

CAF_TEST(a path of 107 bytes is used and a longer one is not ) {
  environment runtime{"XDG_RUNTIME_DIR", temp.path().string()};
  // "/a.db.dbproxy" and "/rpc-1.sock" follow.
  const auto short_enough = long_directory(107 - 13 - 11) / "a.db";
  const auto too_long = long_directory(107 - 13 - 11 + 1) / "a.db";
  const auto fitting = instance_directory::open(short_enough);
  const auto exceeding = instance_directory::open(too_long);
  CAF_REQUIRE(fitting && exceeding);
  const auto at_home = fitting->endpoints_for(1);
  CAF_REQUIRE(at_home);
  CAF_CHECK_EQUAL(at_home->rpc_addr.size(), 107 + std::string{"ipc://"}.size());
  CAF_CHECK(starts_with(at_home->rpc_addr, fitting->path()));
  leave_socket(*ipc_path(at_home->rpc_addr));
  const auto away = exceeding->endpoints_for(1);
  CAF_REQUIRE(away);
  CAF_CHECK(!starts_with(away->rpc_addr, exceeding->path()));
  leave_socket(*ipc_path(away->rpc_addr));
  leave_socket(*ipc_path(away->pub_addr));
  // One more digit makes the short one too long.
  const auto later = fitting->endpoints_for(10);
  CAF_REQUIRE(later);
  CAF_CHECK(!starts_with(later->rpc_addr, fitting->path()));
}

CAF_TEST(sockets of long paths live in the runtime directory) {
  environment runtime{"XDG_RUNTIME_DIR", temp.path().string()};
  const auto directory = instance_directory::open(long_directory(120) / "a.db");
  const auto other = instance_directory::open(long_directory(120) / "b.db");
  CAF_REQUIRE(directory && other);
  const auto where = directory->endpoints_for(3);
  const auto elsewhere = other->endpoints_for(3);
  CAF_REQUIRE(where && elsewhere);
  CAF_CHECK(starts_with(where->rpc_addr, temp / "dbproxy"));
  CAF_CHECK(where->rpc_addr.ends_with("/rpc-3.sock"));
  CAF_CHECK(where->pub_addr.ends_with("/pub-3.sock"));
  const auto folder = fs::path{*ipc_path(where->rpc_addr)}.parent_path();
  CAF_CHECK_EQUAL(mode_of(temp / "dbproxy"), 0700u);
  CAF_CHECK_EQUAL(mode_of(folder), 0700u);
  CAF_CHECK_EQUAL(
    fs::path{*ipc_path(where->pub_addr)}.parent_path().string(),
    folder.string());
  CAF_CHECK_NOT_EQUAL(where->rpc_addr, elsewhere->rpc_addr);
  const auto again = directory->endpoints_for(3);
  CAF_REQUIRE(again);
  CAF_CHECK(*again == *where);
}

CAF_TEST(a runtime directory that is not ours alone is not used) {
  const auto in_tmp = "/tmp/dbproxy-" + std::to_string(::geteuid());
  const bool had_it = fs::exists(in_tmp);
  ::chmod(temp.path().c_str(), 0755);
  environment runtime{"XDG_RUNTIME_DIR", temp.path().string()};
  const auto directory = instance_directory::open(long_directory(120) / "a.db");
  CAF_REQUIRE(directory);
  auto where = directory->endpoints_for(3);
  CAF_REQUIRE(where);
  CAF_CHECK(starts_with(where->rpc_addr, in_tmp));
  CAF_CHECK_EQUAL(mode_of(in_tmp), 0700u);
  const auto folder = fs::path{*ipc_path(where->rpc_addr)}.parent_path();
  CAF_CHECK_EQUAL(mode_of(folder), 0700u);
  // Neither is one in which somebody has been before us.
  ::chmod(temp.path().c_str(), 0700);
  fs::create_directory(temp / "dbproxy");
  ::chmod((temp / "dbproxy").c_str(), 0755);
  where = directory->endpoints_for(3);
  CAF_REQUIRE(where);
  CAF_CHECK(starts_with(where->rpc_addr, in_tmp));
  // With no place left the error says what is wrong.
  ::chmod(folder.c_str(), 0755);
  where = directory->endpoints_for(3);
  CAF_REQUIRE(!where);
  CAF_CHECK(where.error().message.find(folder.string()) != std::string::npos);
  fs::remove(folder);
  if (!had_it)
    fs::remove(in_tmp);
}

CAF_TEST(a path that JSON cannot carry is not used) {
  environment runtime{"XDG_RUNTIME_DIR", temp.path().string()};
  const auto directory = instance_directory::open(temp / "caf\xe9.db");
  CAF_REQUIRE(directory);
  const auto where = directory->endpoints_for(1);
  CAF_REQUIRE(where);
  CAF_CHECK(starts_with(where->rpc_addr, temp / "dbproxy"));
}

CAF_TEST(sockets of earlier epochs are removed and nothing else) {
  const auto directory = instance_directory::open(temp / "a.db");
  CAF_REQUIRE(directory);
  const auto& folder = directory->path();
  for (const auto* name :
       {"rpc-1.sock", "pub-1.sock", "rpc-9.sock", "rpc-10.sock", "pub-11.sock",
        "other.sock", "rpc-1x.sock", "rpc-.sock"})
    leave_socket(folder / name);
  make_file(folder / "rpc-2.sock");
  make_file(folder / "lock");
  CAF_REQUIRE(directory->remove_stale_sockets(10));
  for (const auto* name : {"rpc-1.sock", "pub-1.sock", "rpc-9.sock"})
    CAF_CHECK(!fs::exists(folder / name));
  for (const auto* name :
       {"rpc-10.sock", "pub-11.sock", "other.sock", "rpc-1x.sock", "rpc-.sock",
        "rpc-2.sock", "lock"})
    CAF_CHECK(fs::exists(folder / name));
}

CAF_TEST(sockets of earlier epochs are removed wherever they live) {
  environment runtime{"XDG_RUNTIME_DIR", temp.path().string()};
  const auto directory = instance_directory::open(long_directory(120) / "a.db");
  CAF_REQUIRE(directory);
  const auto old = directory->endpoints_for(1);
  const auto present = directory->endpoints_for(2);
  CAF_REQUIRE(old && present);
  for (const auto& where : {*old, *present}) {
    leave_socket(*ipc_path(where.rpc_addr));
    leave_socket(*ipc_path(where.pub_addr));
  }
  CAF_REQUIRE(directory->remove_stale_sockets(2));
  CAF_CHECK(!fs::exists(*ipc_path(old->rpc_addr)));
  CAF_CHECK(!fs::exists(*ipc_path(old->pub_addr)));
  CAF_CHECK(fs::exists(*ipc_path(present->rpc_addr)));
  CAF_CHECK(fs::exists(*ipc_path(present->pub_addr)));
}

CAF_TEST_FIXTURE_SCOPE_END()
