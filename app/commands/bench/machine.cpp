#include "app/commands/bench/machine.hpp"

#include <fstream>
#include <string>
#include <thread>

#include <sys/utsname.h>
#include <unistd.h>

namespace dbproxy {

namespace json = boost::json;

namespace {

json::value cpu_name() {
  std::ifstream file{"/proc/cpuinfo"};
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with("model name"))
      if (auto colon = line.find(": "); colon != std::string::npos)
        return json::string{line.substr(colon + 2)};
  return nullptr;
}

json::value kernel() {
  utsname name{};
  if (uname(&name) != 0)
    return nullptr;
  return json::string{std::string{name.sysname} + " " + name.release};
}

json::value memory_bytes() {
  auto pages = sysconf(_SC_PHYS_PAGES);
  auto page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0)
    return nullptr;
  return std::int64_t{pages} * page_bytes;
}

} // namespace

json::object describe_machine() {
  return {
    {"cpu", cpu_name()},
    {"cpus", std::thread::hardware_concurrency()},
    {"memory_bytes", memory_bytes()},
    {"kernel", kernel()},
    {"dbproxy", DBPROXY_VERSION}};
}

} // namespace dbproxy
