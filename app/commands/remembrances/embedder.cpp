#include "app/commands/remembrances/embedder.hpp"

#include "app/commands/text.hpp"
#include "messages/json_codec.hpp"
#include "messages/limits.hpp"

#include <cmath>
#include <utility>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

// How long the answer to one text may take; the first includes the start.
constexpr auto answer_wait = 2min;
// A number takes about 20 bytes.
constexpr std::size_t answer_bytes_max = limits::embedding_dimensions_max * 64;
// How much of a wrong answer an error shows.
constexpr std::size_t shown_bytes_max = 120;
constexpr auto ending_wait = 2s;

} // namespace

embedder::embedder(std::string command, std::stop_token stop)
  : command_(std::move(command)),
    stop_(std::move(stop)) {}

write_error embedder::fault(const std::string& what) const {
  return make_error(
    error_code::internal, "the embedder \"" + command_ + "\" " + what);
}

write_error embedder::no_answer(line_reader::state why) {
  if (stop_.stop_requested())
    return stopped_error();
  if (why == line_reader::state::too_long)
    return fault(
      "answered a line of more than " + std::to_string(answer_bytes_max)
      + " bytes");
  if (why == line_reader::state::late)
    return fault(
      "did not answer within "
      + std::to_string(std::chrono::seconds{answer_wait}.count()) + " seconds");
  auto status = child_->wait_or_kill(ending_wait);
  return fault(
    "ended with status " + std::to_string(status)
    + " in the place of an answer");
}

result<std::vector<float>> embedder::vector_of(const std::string& answer) {
  auto answered = [&](const std::string& wanted) {
    return fault(
      "answered \"" + printable(utf8_prefix(answer, shown_bytes_max))
      + (answer.size() > shown_bytes_max ? "..." : "") + "\", which is no "
      + wanted);
  };
  auto parsed = parse_json(answer);
  auto vector = parsed ? decode<std::vector<float>>(*parsed)
                       : result<std::vector<float>>{parsed.error()};
  if (!vector)
    return answered("array of numbers");
  for (auto number : *vector)
    if (!std::isfinite(number))
      return answered("array of numbers within 32 bits");
  if (vector->empty() || vector->size() > limits::embedding_dimensions_max)
    return answered(
      "array of 1 to " + std::to_string(limits::embedding_dimensions_max)
      + " numbers");
  if (dimensions_ == 0)
    dimensions_ = vector->size();
  if (vector->size() != dimensions_)
    return answered(
      "array of " + std::to_string(dimensions_)
      + " numbers, as its first answer was, but of "
      + std::to_string(vector->size()));
  return vector;
}

result<std::vector<float>> embedder::embed_one(const std::string& text) {
  if (!child_) {
    child_options options;
    options.program = "/bin/sh";
    options.arguments = {"-c", command_};
    options.own_group = true;
    auto started = child_process::start(options);
    if (!started)
      return started.error();
    child_.emplace(std::move(*started));
  }
  pipe_wait wait{
    std::chrono::steady_clock::now() + answer_wait, stop_, answer_bytes_max};
  // Whether it took the text shows when it answers.
  auto taken =
    child_->write_line(boost::json::serialize(boost::json::string{text}), wait);
  std::string answer;
  auto got = child_->read_line(answer, wait);
  if (got != line_reader::state::line)
    return no_answer(got);
  auto vector = vector_of(answer);
  if (vector && !taken)
    return fault("answered before it had read the text");
  return vector;
}

result<embedding_list> embedder::embed(const std::vector<std::string>& texts) {
  std::lock_guard guard{mutex_};
  embedding_list all;
  for (const auto& text : texts) {
    auto one = embed_one(text);
    if (!one)
      return one.error();
    all.push_back(std::move(*one));
  }
  return all;
}

embed_function embed_with(std::optional<embedder>& one) {
  if (!one)
    return {};
  return
    [&one](const std::vector<std::string>& texts) { return one->embed(texts); };
}

result<std::optional<std::vector<float>>> query_embedding(
  const std::optional<std::string>& command, const std::string& query,
  std::stop_token stop) {
  if (!command)
    return std::optional<std::vector<float>>{};
  embedder one{*command, std::move(stop)};
  auto vectors = one.embed({query});
  if (!vectors)
    return vectors.error();
  return std::optional{std::move(vectors->front())};
}

} // namespace dbproxy
