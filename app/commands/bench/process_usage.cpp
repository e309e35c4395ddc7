#include "app/commands/bench/process_usage.hpp"

#include <fstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace dbproxy {

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec)
           + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// proc(5): "PID (NAME) STATE ...", utime and stime are fields 14 and 15.
double cpu_seconds_of(int pid, std::string_view name) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string word;
  file >> word >> word;
  if (word != "(" + std::string{name} + ")")
    return 0;
  for (int field = 3; field < 14; ++field)
    file >> word;
  double user = 0;
  double system = 0;
  file >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Not ru_maxrss: that begins with what the process was before its exec, which
// is the size of its parent.
std::int64_t peak_rss_bytes() {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  std::int64_t kib = 0;
  while (status >> word)
    if (word == "VmHWM:" && status >> kib)
      return kib * 1024;
  return 0;
}

} // namespace dbproxy
