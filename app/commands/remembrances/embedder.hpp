// A program of the user's that turns texts into vectors.
#pragma once

#include "app/commands/child_process.hpp"
#include "app/commands/remembrances/work.hpp"

#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace dbproxy {

/// Runs a command of the shell that reads JSON strings, one a line, and answers
/// each with a line that holds an array of numbers. It is started when it is
/// first asked, and asked one text at a time. Any thread.
class embedder {
public:
  embedder(std::string command, std::stop_token stop);

  /// The vectors of `texts`, one each, all of one dimension. INTERNAL, with the
  /// command and what it answered, where it does anything else.
  result<embedding_list> embed(const std::vector<std::string>& texts);

private:
  result<std::vector<float>> embed_one(const std::string& text);
  result<std::vector<float>> vector_of(const std::string& answer);
  write_error fault(const std::string& what) const;
  write_error no_answer(line_reader::state why);

  std::string command_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::optional<child_process> child_;
  std::size_t dimensions_ = 0;
};

/// The function of `one`; none where there is no embedder.
embed_function embed_with(std::optional<embedder>& one);

/// The vector of a search's query; none where there is no command.
result<std::optional<std::vector<float>>> query_embedding(
  const std::optional<std::string>& command, const std::string& query,
  std::stop_token stop);

} // namespace dbproxy
