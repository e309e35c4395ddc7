#include "messages/rules.hpp"

#include "messages/limits.hpp"

namespace dbproxy::rules {

namespace {

std::string element(std::string_view list, std::size_t index) {
  return std::string{list} + "[" + std::to_string(index) + "]";
}

rule_fault dimensions(std::string field, std::size_t count) {
  if (count == 0)
    return field_fault{std::move(field), "is an empty vector"};
  if (count > limits::embedding_dimensions_max)
    return field_fault{
      std::move(field), "has " + std::to_string(count)
                          + " dimensions, more than embedding_dimensions_max = "
                          + std::to_string(limits::embedding_dimensions_max)};
  return {};
}

} // namespace

rule_fault not_empty(std::string_view field, std::string_view text) {
  if (text.empty())
    return field_fault{std::string{field}, "is empty"};
  return {};
}

rule_fault result_limit(std::int64_t limit) {
  if (limit < 0)
    return field_fault{"limit", "is negative"};
  if (limit > limits::search_results_max)
    return field_fault{
      "limit", "is more than search_results_max = "
                 + std::to_string(limits::search_results_max)};
  return {};
}

rule_fault embedding(
  std::string_view field, const std::optional<std::vector<float>>& one) {
  if (!one)
    return {};
  return dimensions(std::string{field}, one->size());
}

rule_fault embeddings(
  const std::optional<std::vector<std::vector<float>>>& all,
  std::size_t chunks) {
  if (!all || all->empty())
    return {};
  if (all->size() != chunks)
    return field_fault{
      "embeddings", "has " + std::to_string(all->size()) + " elements for "
                      + std::to_string(chunks) + " chunks"};
  for (std::size_t i = 0; i < all->size(); ++i) {
    auto count = (*all)[i].size();
    if (auto fault = dimensions(element("embeddings", i), count))
      return fault;
    if (count != all->front().size())
      return field_fault{
        element("embeddings", i), "has " + std::to_string(count)
                                    + " dimensions, the first one has "
                                    + std::to_string(all->front().size())};
  }
  return {};
}

} // namespace dbproxy::rules
