#include "app/commands/bench/libpq.hpp"

#include <string>
#include <type_traits>

#include <dlfcn.h>

namespace dbproxy {

namespace {

constexpr auto library = "libpq.so.5";

result<libpq> load() {
  auto fail = [] {
    const char* why = dlerror();
    return make_error(
      error_code::unreachable,
      std::string{"cannot load "} + library + ": "
        + (why == nullptr ? "a function is missing" : why)
        + "; install the package libpq5");
  };
  // Stays loaded for as long as the process lives.
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return fail();
  libpq out{};
  auto found = true;
  auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
      dlsym(handle, name));
    found = found && function != nullptr;
  };
  find(out.PQconnectdb, "PQconnectdb");
  find(out.PQfinish, "PQfinish");
  find(out.PQstatus, "PQstatus");
  find(out.PQerrorMessage, "PQerrorMessage");
  find(out.PQexec, "PQexec");
  find(out.PQprepare, "PQprepare");
  find(out.PQexecPrepared, "PQexecPrepared");
  find(out.PQresultStatus, "PQresultStatus");
  find(out.PQresultErrorField, "PQresultErrorField");
  find(out.PQntuples, "PQntuples");
  find(out.PQgetvalue, "PQgetvalue");
  find(out.PQclear, "PQclear");
  find(out.PQparameterStatus, "PQparameterStatus");
  find(out.PQbackendPID, "PQbackendPID");
  if (!found)
    return fail();
  return out;
}

} // namespace

result<const libpq*> load_libpq() {
  static const auto loaded = load();
  if (!loaded)
    return loaded.error();
  return &*loaded;
}

} // namespace dbproxy
