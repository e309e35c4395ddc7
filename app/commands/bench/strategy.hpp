// The ways to write that `dbproxy bench` puts side by side.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace dbproxy {

enum class strategy {
  direct,       ///< a connection each, SQLite's own busy handler for 5 s
  direct_tuned, ///< the same with a busy handler that sleeps 0.5 ms
  original,     ///< direct for up to 200 ms, then through the primary
  forward,      ///< always through the primary
  proxy,        ///< dbproxy as it is shipped
  postgresql,   ///< a PostgreSQL server
};

/// A strategy, what it is called, and how it is told in the help.
struct strategy_entry {
  strategy which;
  std::string_view name;
  std::string_view what;
};

inline constexpr std::array strategies{
  strategy_entry{
    strategy::direct, "direct",
    "each process on a connection of its own, busy_timeout 5 s and SQLite's "
    "automatic checkpoints"},
  strategy_entry{
    strategy::direct_tuned, "direct-tuned",
    "the same with a busy handler that sleeps a constant 0.5 ms"},
  strategy_entry{
    strategy::original, "original",
    "direct with busy_timeout 200 ms, then through the primary"},
  strategy_entry{strategy::forward, "forward", "always through the primary"},
  strategy_entry{strategy::proxy, "proxy", "dbproxy as it is shipped"},
  strategy_entry{
    strategy::postgresql, "postgresql",
    "the same tables and writes on a PostgreSQL server (--pg)"}};

constexpr std::string_view to_string(strategy which) {
  for (const auto& entry : strategies)
    if (entry.which == which)
      return entry.name;
  return {};
}

constexpr std::optional<strategy> parse_strategy(std::string_view name) {
  for (const auto& entry : strategies)
    if (entry.name == name)
      return entry.which;
  return {};
}

/// True where a process can have more than one write in flight: a connection
/// that blocks has one.
constexpr bool is_pipelined(strategy which) {
  return which == strategy::forward || which == strategy::proxy;
}

} // namespace dbproxy
