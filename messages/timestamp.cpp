#include "messages/timestamp.hpp"

#include <chrono>
#include <ctime>

namespace dbproxy {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes two digits from the front of `text`; their value, or -1.
int take_two(std::string_view& text) {
  if (text.size() < 2 || !is_digit(text[0]) || !is_digit(text[1]))
    return -1;
  auto value = (text[0] - '0') * 10 + (text[1] - '0');
  text.remove_prefix(2);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos)
    return false;
  text.remove_prefix(1);
  return true;
}

bool take_between(std::string_view& text, int low, int high) {
  auto value = take_two(text);
  return low <= value && value <= high;
}

bool take_year(std::string_view& text) {
  auto century = take_two(text);
  auto year = take_two(text);
  return century >= 0 && year >= 0;
}

bool take_fraction(std::string_view& text) {
  if (!take(text, "."))
    return true;
  if (!take(text, "0123456789"))
    return false;
  while (take(text, "0123456789")) {
  }
  return true;
}

bool take_offset(std::string_view& text) {
  if (take(text, "Zz"))
    return true;
  return take(text, "+-") && take_between(text, 0, 23) && take(text, ":")
         && take_between(text, 0, 59);
}

} // namespace

std::string rfc3339_now() {
  using namespace std::chrono;
  // It is asked for with every write, and the second seldom changes.
  struct second {
    std::time_t at = -1;
    std::string text;
  };
  thread_local second latest;
  auto now = time_point_cast<milliseconds>(system_clock::now());
  auto seconds = system_clock::to_time_t(now);
  if (latest.at != seconds) {
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    auto used = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    latest = {seconds, {text, used}};
  }
  auto millis = static_cast<int>(now.time_since_epoch().count() % 1000);
  auto digits = std::to_string(1000 + millis);
  return latest.text + "." + digits.substr(1) + "Z";
}

bool is_rfc3339(std::string_view text) {
  return take_year(text) && take(text, "-") && take_between(text, 1, 12)
         && take(text, "-") && take_between(text, 1, 31) && take(text, "Tt")
         && take_between(text, 0, 23) && take(text, ":")
         && take_between(text, 0, 59) && take(text, ":")
         && take_between(text, 0, 60) && take_fraction(text)
         && take_offset(text) && text.empty();
}

std::optional<std::int64_t> unix_seconds_of(std::string_view text) {
  using namespace std::chrono;
  if (!is_rfc3339(text))
    return {};
  // Every field has its place; only the fraction differs in length.
  auto two = [&](std::size_t at) {
    auto digits = text.substr(at, 2);
    return take_two(digits);
  };
  year_month_day date{
    year{two(0) * 100 + two(2)}, month{static_cast<unsigned>(two(5))},
    day{static_cast<unsigned>(two(8))}};
  if (!date.ok())
    return {};
  auto time = sys_days{date}.time_since_epoch() + hours{two(11)}
              + minutes{two(14)} + seconds{two(17)};
  auto offset = text.size() - 6;
  if (text.back() != 'Z' && text.back() != 'z') {
    auto ahead = hours{two(offset + 1)} + minutes{two(offset + 4)};
    time += text[offset] == '+' ? -ahead : ahead;
  }
  return duration_cast<seconds>(time).count();
}

} // namespace dbproxy
