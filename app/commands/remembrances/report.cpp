#include "app/commands/remembrances/report.hpp"

#include "app/commands/command.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <utility>

#include <unistd.h>

namespace dbproxy {

namespace json = boost::json;

namespace {

void print_list(
  std::string_view title, const std::vector<skipped_file>& files) {
  for (const auto& one : files)
    std::cerr << title << ": " << one.path << ": " << one.reason << '\n';
}

void print_readable(
  const write_counts& counts, std::string_view parts, double seconds) {
  print_list("skipped", counts.skipped);
  print_list("failed", counts.failed);
  std::cout << counts.files << " files: " << counts.added << " added, "
            << counts.updated << " updated, " << counts.unchanged
            << " unchanged, " << counts.deleted << " deleted, "
            << counts.skipped.size() << " skipped, " << counts.failed.size()
            << " failed; " << counts.parts << ' ' << parts << " written in "
            << std::fixed << std::setprecision(2) << seconds << " s\n";
}

json::array to_json(const std::vector<skipped_file>& files) {
  json::array out;
  for (const auto& one : files)
    out.push_back(json::object{{"file", one.path}, {"reason", one.reason}});
  return out;
}

} // namespace

void write_counts::add(const file_report& report, bool known) {
  if (report.skipped)
    skipped.push_back({report.path, *report.skipped});
  else if (report.failed)
    failed.push_back({report.path, *report.failed});
  else
    ++(known ? updated : added);
  parts += report.parts;
}

int print_summary(
  write_counts counts, std::string_view parts, json::object first) {
  auto seconds = std::chrono::duration<double>(
                   std::chrono::steady_clock::now() - counts.begun)
                   .count();
  // Several processes report in any order.
  for (auto* list : {&counts.skipped, &counts.failed})
    std::sort(list->begin(), list->end(), [](const auto& a, const auto& b) {
      return a.path < b.path;
    });
  auto status = counts.failed.empty() ? succeeded : failed;
  if (isatty(STDOUT_FILENO) != 0) {
    print_readable(counts, parts, seconds);
    return status;
  }
  first["files"] = counts.files;
  first["added"] = counts.added;
  first["updated"] = counts.updated;
  first["unchanged"] = counts.unchanged;
  first["deleted"] = counts.deleted;
  first["skipped"] = to_json(counts.skipped);
  first["failed"] = to_json(counts.failed);
  first[parts] = counts.parts;
  first["seconds"] = seconds;
  print_line(first);
  return status;
}

} // namespace dbproxy
