// Rules that a method's parameters keep among each other, beyond the type of
// each: counts that match, dimensions that agree, limits. `validate` asks the
// `check_rules` of a parameter struct where there is one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dbproxy {

/// The path of a field and what is wrong with it.
struct field_fault {
  std::string field;
  std::string what;
};

/// The first fault, or nothing.
using rule_fault = std::optional<field_fault>;

namespace rules {

/// Text that names something.
rule_fault not_empty(std::string_view field, std::string_view text);

/// How many rows a caller wants: within 0 and limits::search_results_max.
rule_fault result_limit(std::int64_t limit);

/// A vector: within 1 and limits::embedding_dimensions_max numbers.
rule_fault
embedding(std::string_view field, const std::optional<std::vector<float>>& one);

/// None, or one for each of `chunks`, all of one dimension.
rule_fault embeddings(
  const std::optional<std::vector<std::vector<float>>>& all,
  std::size_t chunks);

} // namespace rules

} // namespace dbproxy
