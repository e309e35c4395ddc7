// The other end of a crew: a process that does items which it reads from its
// standard input.
#pragma once

#include "app/commands/remembrances/work.hpp"
#include "app/querier.hpp"

#include <boost/json.hpp>

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace dbproxy {

/// What a worker says in one line: one of the three.
struct worker_line {
  std::optional<work_report> report;
  std::optional<std::vector<std::string>> embed; ///< texts: vectors wanted
  std::optional<std::string> error; ///< what ends the whole command
};
BOOST_DESCRIBE_STRUCT(worker_line, (), (report, embed, error))

/// The answer to `embed`.
struct embeddings_line {
  embedding_list embeddings;
};
BOOST_DESCRIBE_STRUCT(embeddings_line, (), (embeddings))

/// What the work of a worker is made of.
struct worker_tools {
  querier db;
  embed_function embed;
  std::stop_token stop;
};

/// Reads one line of settings and then items, one a line, until its input ends
/// or it is asked to stop; reports each. An exit status.
int run_worker(
  const std::string& database,
  const std::function<
    result<work_function>(const boost::json::value&, worker_tools)>& work_for);

} // namespace dbproxy
