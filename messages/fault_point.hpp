// Named places where a test can make a debug build crash, throw, wait or drop
// what it was about to send. A release build has none of them.
#pragma once

#include <array>
#include <stdexcept>
#include <string_view>

namespace dbproxy {

/// All places, by name. Armed through the environment variable DBPROXY_FAULT:
/// a list, separated by commas, of `NAME=ACTION[/MILLISECONDS][@N]`. ACTION is
/// `crash` (SIGKILL), `throw` (injected_fault), `delay` (for MILLISECONDS) or
/// `drop`; it is done the Nth time that the place is passed, the first where
/// N is left out.
inline constexpr std::array<std::string_view, 13> fault_point_names{
  "writer.before_begin",   "writer.after_begin",    "writer.before_commit",
  "writer.after_commit",   "coordinator.admit",     "coordinator.finish",
  "gateway.request",       "gateway.reply",         "dispatcher.prepare",
  "promotion.after_lock",  "promotion.after_epoch", "promotion.after_bind",
  "promotion.after_record"};

/// What the action `throw` throws.
class injected_fault : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

#ifdef DBPROXY_FAULT_POINTS

/// Passes the place `name`, one of fault_point_names. True if what follows is
/// to be left out. Any thread.
bool fault_point(std::string_view name);

#else

constexpr bool fault_point(std::string_view) noexcept {
  return false;
}

#endif

} // namespace dbproxy
