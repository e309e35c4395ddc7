#include "app/commands/bench/results.hpp"

#include "app/commands/text_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <map>
#include <optional>
#include <ostream>
#include <sstream>
#include <string_view>

namespace dbproxy {

namespace json = boost::json;

namespace {

double quantile_ms(const round_figures& round, double q) {
  return static_cast<double>(round.latencies.quantile(q).count()) / 1000;
}

/// A number of each round; nothing where there is no such thing.
struct figure {
  std::string_view name;
  std::optional<double> (*of)(const round_figures&);
  bool whole = false; ///< counted in whole things
};

constexpr std::array all_figures{
  figure{
    "writes_per_s",
    [](const round_figures& round) {
      return std::optional{round.writes_per_s};
    }},
  figure{
    "p50_ms",
    [](const round_figures& round) {
      return std::optional{quantile_ms(round, 0.5)};
    }},
  figure{
    "p99_ms",
    [](const round_figures& round) {
      return std::optional{quantile_ms(round, 0.99)};
    }},
  figure{
    "p999_ms",
    [](const round_figures& round) {
      return std::optional{quantile_ms(round, 0.999)};
    }},
  figure{
    "max_ms",
    [](const round_figures& round) {
      return std::optional{quantile_ms(round, 1)};
    }},
  figure{
    "fairness",
    [](const round_figures& round) { return std::optional{round.fairness}; }},
  figure{
    "cpu_s",
    [](const round_figures& round) { return std::optional{round.cpu_s}; }},
  figure{
    "wal_max_bytes",
    [](const round_figures& round) -> std::optional<double> {
      if (!round.wal_bytes_max)
        return {};
      return static_cast<double>(*round.wal_bytes_max);
    },
    true},
  figure{
    "rss_max_bytes",
    [](const round_figures& round) {
      return std::optional{static_cast<double>(round.rss_bytes_max)};
    },
    true},
  figure{
    "backlog",
    [](const round_figures& round) {
      return std::optional{static_cast<double>(round.backlog)};
    },
    true}};

struct spread {
  double least = 0;
  double median = 0;
  double most = 0;
};

std::optional<spread>
spread_of(const bench_result& result, const figure& which) {
  std::vector<double> values;
  for (const auto& round : result.rounds)
    if (auto value = which.of(round))
      values.push_back(*value);
  if (values.empty())
    return {};
  std::sort(values.begin(), values.end());
  auto middle = values.size() / 2;
  auto median = values.size() % 2 == 1
                  ? values[middle]
                  : (values[middle - 1] + values[middle]) / 2;
  return spread{values.front(), median, values.back()};
}

std::optional<spread>
spread_of(const bench_result& result, std::string_view name) {
  for (const auto& which : all_figures)
    if (which.name == name)
      return spread_of(result, which);
  return {};
}

json::value number(double value, bool whole) {
  if (whole)
    return std::llround(value);
  return value;
}

std::map<std::string, std::int64_t> errors_of(const bench_result& result) {
  std::map<std::string, std::int64_t> sum;
  for (const auto& round : result.rounds)
    for (const auto& [code, count] : round.errors)
      sum[code] += count;
  return sum;
}

std::int64_t error_sum(const bench_result& result) {
  std::int64_t sum = 0;
  for (const auto& [code, count] : errors_of(result))
    sum += count;
  return sum;
}

// -- tables ------------------------------------------------------------------

std::string shown(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string shown_ms(double value) {
  return shown(value, value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0);
}

double median_of(const bench_result& result, std::string_view name) {
  return spread_of(result, name).value_or(spread{}).median;
}

/// `part` of `whole`, "1.25x".
std::string shown_ratio(double part, double whole) {
  return whole > 0 ? shown(part / whole, 2) + "x" : "-";
}

const bench_result& first_of_its_kind(
  const std::vector<bench_result>& all, const bench_result& one) {
  return *std::find_if(all.begin(), all.end(), [&](const bench_result& other) {
    return other.processes == one.processes;
  });
}

void print_medians(
  std::ostream& out, const std::vector<bench_result>& all, std::size_t width) {
  auto right = [](std::string title) {
    return table_column{std::move(title), shown_part::front, true};
  };
  text_table table{
    {{"strategy"},
     right("N"),
     right("writes/s"),
     right("p50"),
     right("p99"),
     right("p99.9"),
     right("max ms"),
     right("fair"),
     right("cpu s"),
     right("WAL MB"),
     right("RSS MB"),
     right("errors"),
     right("rate"),
     right("p99.9")}};
  for (const auto& one : all) {
    const auto& base = first_of_its_kind(all, one);
    auto wal = spread_of(one, "wal_max_bytes");
    table.add(
      {std::string{to_string(one.strategy)}, std::to_string(one.processes),
       shown(median_of(one, "writes_per_s"), 0),
       shown_ms(median_of(one, "p50_ms")), shown_ms(median_of(one, "p99_ms")),
       shown_ms(median_of(one, "p999_ms")), shown_ms(median_of(one, "max_ms")),
       shown(median_of(one, "fairness"), 2), shown(median_of(one, "cpu_s"), 1),
       wal ? shown(wal->median / 1e6, 1) : "-",
       shown(median_of(one, "rss_max_bytes") / 1e6, 1),
       std::to_string(error_sum(one)),
       shown_ratio(
         median_of(one, "writes_per_s"), median_of(base, "writes_per_s")),
       shown_ratio(median_of(one, "p999_ms"), median_of(base, "p999_ms"))});
  }
  table.print(out, width);
}

void print_ranges(
  std::ostream& out, const std::vector<bench_result>& all, std::size_t width) {
  text_table table{
    {{"least to most"},
     {"N", shown_part::front, true},
     {"writes/s"},
     {"p50 ms"},
     {"p99.9 ms"},
     {"max ms"}}};
  for (const auto& one : all) {
    auto range = [&](std::string_view name, std::string (*show)(double)) {
      auto values = spread_of(one, name).value_or(spread{});
      return show(values.least) + " to " + show(values.most);
    };
    auto whole = [](double value) { return shown(value, 0); };
    table.add(
      {std::string{to_string(one.strategy)}, std::to_string(one.processes),
       range("writes_per_s", whole), range("p50_ms", shown_ms),
       range("p999_ms", shown_ms), range("max_ms", shown_ms)});
  }
  table.print(out, width);
}

} // namespace

json::object to_json(const bench_result& one) {
  json::object out{{"strategy", to_string(one.strategy)},
                   {"engine", one.rounds.front().engine},
                   {"processes", one.processes},
                   {"sync", one.sync},
                   {"in_flight", one.in_flight},
                   {"errors", error_sum(one)}};
  json::object by_code;
  for (const auto& [code, count] : errors_of(one))
    by_code[code] = count;
  out["errors_by_code"] = std::move(by_code);
  json::object ranges;
  for (const auto& which : all_figures) {
    auto values = spread_of(one, which);
    if (!values) {
      out[which.name] = nullptr;
      continue;
    }
    out[which.name] = number(values->median, which.whole);
    ranges[which.name] = json::array{
      number(values->least, which.whole), number(values->most, which.whole)};
  }
  out["ranges"] = std::move(ranges);
  return out;
}

void print_tables(
  std::ostream& out, const std::vector<bench_result>& all, std::size_t width) {
  print_medians(out, all, width);
  auto repeated = std::any_of(all.begin(), all.end(), [](const auto& one) {
    return one.rounds.size() > 1;
  });
  if (repeated) {
    out << '\n';
    print_ranges(out, all, width);
  }
}

} // namespace dbproxy
