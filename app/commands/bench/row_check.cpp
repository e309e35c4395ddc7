#include "app/commands/bench/row_check.hpp"

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dbproxy {

namespace {

/// Rows of one kind that should not be, or should.
struct fault {
  std::int64_t count = 0;
  std::string example;

  void add(std::string_view id) {
    if (count++ == 0)
      example = id;
  }
};

struct message_number {
  std::size_t process = 0;
  std::size_t number = 0;
};

std::optional<message_number> parse_id(std::string_view id) {
  message_number out;
  const auto* end = id.data() + id.size();
  auto process = std::from_chars(id.data(), end, out.process);
  if (process.ec != std::errc{} || process.ptr == end || *process.ptr != '-')
    return {};
  auto number = std::from_chars(process.ptr + 1, end, out.number);
  if (number.ec != std::errc{} || number.ptr != end)
    return {};
  return out;
}

/// Which writes of each process are there.
using presence = std::vector<std::vector<bool>>;

bool note(presence& there, std::string_view id) {
  auto found = parse_id(id);
  if (!found || found->process >= there.size())
    return false;
  auto& of_process = there[found->process];
  if (found->number >= of_process.size())
    return false;
  of_process[found->number] = true;
  return true;
}

enum class fate : char { acknowledged, absent, unknown };

std::vector<fate> fates_of(const bench_report& report) {
  std::vector<fate> fates(
    static_cast<std::size_t>(report.asked), fate::acknowledged);
  auto set = [&](const std::vector<number_range>& ranges, fate value) {
    for (const auto& range : ranges)
      for (auto number = range.first; number <= range.last; ++number)
        fates.at(static_cast<std::size_t>(number)) = value;
  };
  set(report.absent, fate::absent);
  set(report.unknown, fate::unknown);
  return fates;
}

/// What was found, and what of it is wrong.
struct findings {
  std::int64_t acknowledged = 0;
  fault lost;
  fault wrong;
  fault foreign;

  void compare(
    std::int64_t process, const std::vector<fate>& fates,
    const std::vector<bool>& there) {
    for (std::size_t number = 0; number < fates.size(); ++number) {
      auto wanted = fates[number];
      acknowledged += wanted == fate::acknowledged ? 1 : 0;
      if (
        wanted == fate::unknown
        || (wanted == fate::acknowledged) == there[number])
        continue;
      (wanted == fate::acknowledged ? lost : wrong)
        .add(bench_message_id(process, static_cast<std::int64_t>(number)));
    }
  }

  result<void> conclusion() const {
    std::string text;
    auto tell = [&](const fault& found, const std::string& what) {
      if (found.count > 0)
        text += "; " + std::to_string(found.count) + " " + what + ", one is "
                + found.example;
    };
    tell(lost, "of the acknowledged are not there");
    tell(wrong, "that failed are there");
    tell(foreign, "rows are of no write");
    if (text.empty())
      return {};
    return make_error(
      error_code::internal,
      "the rows are not those acknowledged: " + std::to_string(acknowledged)
        + " writes were acknowledged" + text);
  }
};

} // namespace

result<void>
check_rows(message_store& store, const std::vector<bench_report>& reports) {
  presence there;
  for (const auto& report : reports)
    there.emplace_back(static_cast<std::size_t>(report.asked));
  findings found;
  auto read = store.for_each_id([&](std::string_view id) {
    if (!note(there, id))
      found.foreign.add(id);
  });
  if (!read)
    return read;
  for (std::size_t process = 0; process < reports.size(); ++process)
    found.compare(
      static_cast<std::int64_t>(process), fates_of(reports[process]),
      there[process]);
  return found.conclusion();
}

} // namespace dbproxy
