#include "app/commands/demo_table.hpp"

#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>

#include <unistd.h>

namespace dbproxy {

namespace {

constexpr int name_width = 14;
constexpr int figure_width = 11;

std::int64_t integer(const boost::json::object& figures, std::string_view key) {
  const auto* value = figures.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

double real(const boost::json::object& figures, std::string_view key) {
  const auto* value = figures.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<double>()
                                                : 0;
}

std::string heading() {
  std::ostringstream out;
  out << std::left << std::setw(name_width) << "process" << std::right;
  for (const auto* title :
       {"written", "direct", "forwarded", "retried", "p99 ms"})
    out << std::setw(figure_width) << title;
  return out.str();
}

} // namespace

demo_table::demo_table(std::vector<std::string> names)
  : live_(isatty(STDOUT_FILENO) != 0) {
  for (auto& name : names)
    rows_.push_back({std::move(name), {}});
}

void demo_table::update(
  std::size_t process, const boost::json::object& figures) {
  std::lock_guard guard{mutex_};
  rows_[process].figures = figures;
}

std::string demo_table::line_of(const row& one) const {
  std::ostringstream out;
  out << std::left << std::setw(name_width) << one.name << std::right;
  for (const auto* key : {"acked", "direct", "forwarded", "retried"})
    out << std::setw(figure_width) << integer(one.figures, key);
  out << std::setw(figure_width) << std::fixed << std::setprecision(1)
      << real(one.figures, "p99_ms");
  return out.str();
}

void demo_table::draw(bool last) {
  std::lock_guard guard{mutex_};
  if (!live_ && !last)
    return;
  if (live_ && drawn_)
    std::cout << "\x1b[" << rows_.size() << "A";
  else
    std::cout << heading() << '\n';
  for (const auto& one : rows_)
    std::cout << line_of(one) << (live_ ? "\x1b[K\n" : "\n");
  std::cout << std::flush;
  drawn_ = true;
}

std::int64_t demo_table::sum(std::string_view figure) const {
  std::lock_guard guard{mutex_};
  std::int64_t total = 0;
  for (const auto& one : rows_)
    total += integer(one.figures, figure);
  return total;
}

} // namespace dbproxy
