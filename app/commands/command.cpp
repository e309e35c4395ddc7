#include "app/commands/command.hpp"

#include "transport/json_rpc.hpp"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <map>

namespace dbproxy {

void add_database(CLI::App& command, program& main) {
  command.add_option("--db", main.database, "The database file")
    ->required()
    ->type_name("PATH");
}

void add_role(CLI::App& command, role_request& role) {
  static const std::map<std::string, role_request> names{
    {"auto", role_request::automatic},
    {"primary", role_request::primary},
    {"secondary", role_request::secondary}};
  command.add_option("--role", role, "auto, primary or secondary")
    ->transform(CLI::Transformer(names))
    ->type_name("ROLE");
}

void add_sync(CLI::App& command, sync_mode& sync) {
  static const std::map<std::string, sync_mode> names{
    {"full", sync_mode::full}, {"normal", sync_mode::normal}};
  command
    .add_option(
      "--sync", sync, "full (durable, the default) or normal (faster)")
    ->transform(CLI::Transformer(names))
    ->type_name("MODE");
}

int with_database(
  const std::string& database, const std::function<int(const querier&)>& work) {
  system_config config;
  caf::actor_system system{config};
  instance_options options;
  options.database = database;
  options.readers = 1;
  auto self = instance::start(system, options);
  if (!self)
    return print_error(self.error());
  return work(self->db());
}

void print_line(const boost::json::value& value) {
  std::cout << boost::json::serialize(value) << std::endl;
}

boost::json::object error_json(const write_error& error) {
  return error_object(error).at("data").as_object();
}

int print_error(const write_error& error) {
  std::cerr << boost::json::serialize(error_json(error)) << std::endl;
  return failed;
}

namespace {

sigset_t stopping_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

} // namespace

stop_signals::stop_signals() {
  auto set = stopping_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool stop_signals::wait(std::chrono::milliseconds timeout) {
  using namespace std::chrono;
  if (came_)
    return true;
  auto set = stopping_set();
  auto whole = duration_cast<seconds>(timeout);
  timespec limit{};
  limit.tv_sec = whole.count();
  limit.tv_nsec = duration_cast<nanoseconds>(timeout - whole).count();
  came_ = sigtimedwait(&set, nullptr, &limit) > 0;
  return came_;
}

} // namespace dbproxy
