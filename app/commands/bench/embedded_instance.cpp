#include "app/commands/bench/embedded_instance.hpp"

#include <utility>

namespace dbproxy {

result<std::unique_ptr<embedded_instance>>
embedded_instance::start(const bench_order& order, write_routing routing) {
  std::unique_ptr<embedded_instance> made{new embedded_instance};
  instance_options options;
  options.database = order.location;
  options.sync = order.sync == "full" ? sync_mode::full : sync_mode::normal;
  options.routing = routing;
  options.readers = 1;
  auto started = instance::start(made->system_, options);
  if (!started)
    return started.error();
  made->instance_.emplace(std::move(*started));
  return made;
}

} // namespace dbproxy
