#include "messages/fault_point.hpp"

#ifdef DBPROXY_FAULT_POINTS

#include <algorithm>
#include <atomic>
#include <cassert>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <thread>

#include <unistd.h>

namespace dbproxy {

namespace {

/// One item of DBPROXY_FAULT.
struct armed_fault {
  std::string_view name;
  std::string_view action;
  int milliseconds = 0;
  int at = 1;
  std::atomic<int> passed = 0;
};

/// What comes before `mark` in `text`, which keeps the rest.
std::string_view cut(std::string_view& text, char mark) {
  auto end = std::min(text.find(mark), text.size());
  auto head = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return head;
}

int number(std::string_view text, int fallback) {
  std::from_chars(text.data(), text.data() + text.size(), fallback);
  return fallback;
}

/// A test that arms what is not there would pass for the wrong reason.
[[noreturn]] void refuse(std::string_view item) {
  std::fprintf(
    stderr, "DBPROXY_FAULT: no such fault: %.*s\n",
    static_cast<int>(item.size()), item.data());
  std::abort();
}

std::deque<armed_fault> read_environment() {
  std::deque<armed_fault> faults;
  const char* variable = std::getenv("DBPROXY_FAULT");
  std::string_view rest = variable == nullptr ? "" : variable;
  while (!rest.empty()) {
    auto item = cut(rest, ',');
    auto whole = item;
    auto& fault = faults.emplace_back();
    fault.name = cut(item, '=');
    auto what = cut(item, '@');
    fault.at = number(item, 1);
    fault.action = cut(what, '/');
    fault.milliseconds = number(what, 0);
    const auto& names = fault_point_names;
    const std::array<std::string_view, 4> actions{
      "crash", "throw", "delay", "drop"};
    if (
      std::find(names.begin(), names.end(), fault.name) == names.end()
      || std::find(actions.begin(), actions.end(), fault.action)
           == actions.end())
      refuse(whole);
  }
  return faults;
}

} // namespace

bool fault_point(std::string_view name) {
  static auto faults = read_environment();
  for (auto& fault : faults) {
    if (fault.name != name || ++fault.passed != fault.at)
      continue;
    if (fault.action == "crash")
      ::kill(::getpid(), SIGKILL);
    if (fault.action == "throw")
      throw injected_fault{"injected fault at " + std::string{name}};
    if (fault.action == "drop")
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{fault.milliseconds});
  }
  return false;
}

} // namespace dbproxy

#endif
