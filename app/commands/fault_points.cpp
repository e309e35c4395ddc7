// dbproxy fault-points: the places where a test can make this build fail. For
// tests; not shown in the help.
#include "app/commands/command.hpp"
#include "messages/fault_point.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace dbproxy {

void add_fault_points(CLI::App& app, program& main) {
  auto* command = app.add_subcommand("fault-points", "For tests");
  command->group("");
  command->callback([&main] {
    main.run = [] {
#ifdef DBPROXY_FAULT_POINTS
      for (auto name : fault_point_names)
        std::cout << name << '\n';
#endif
      return succeeded;
    };
  });
}

} // namespace dbproxy
