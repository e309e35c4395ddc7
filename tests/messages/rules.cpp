// The rules beyond the types of single fields: each names its field, in every
// method that it holds for.
#define CAF_SUITE rules
#include "messages/rules.hpp"

#include "messages/catalogue.hpp"
#include "messages/limits.hpp"

#include <limits>
#include <string>
#include <vector>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;

namespace {

/// What `validate` says of the parameters; empty: nothing.
template <class Params>
std::string fault_of(const Params& params) {
  auto valid = validate(params);
  if (valid)
    return {};
  CAF_CHECK(valid.error().code == error_code::invalid_params);
  return valid.error().message;
}

std::string text_of(const rule_fault& fault) {
  return fault ? fault->field + " " + fault->what : std::string{};
}

new_code_symbol symbol() {
  new_code_symbol made;
  made.id = "s";
  made.start_line = made.end_line = 1;
  return made;
}

code_index_file indexed(std::vector<new_code_symbol> symbols) {
  return {"p", "", "f", "", "", std::move(symbols)};
}

/// What is said of one symbol after a change, as the second of a file.
template <class F>
std::string symbol_fault(F change) {
  auto changed = symbol();
  change(changed);
  return fault_of(indexed({symbol(), changed}));
}

/// What every search says of limits and vectors.
template <class Search>
void check_search(Search params) {
  CAF_MESSAGE(std::string{Search::spec.name});
  for (std::int64_t limit : {std::int64_t{0}, limits::search_results_max}) {
    params.limit = limit;
    CAF_CHECK_EQUAL(fault_of(params), "");
  }
  params.limit = -1;
  CAF_CHECK_EQUAL(fault_of(params), "field \"limit\" is negative");
  params.limit = limits::search_results_max + 1;
  CAF_CHECK_EQUAL(
    fault_of(params), "field \"limit\" is more than search_results_max = 1000");
  params.limit = 1;
  params.embedding.emplace();
  CAF_CHECK_EQUAL(fault_of(params), "field \"embedding\" is an empty vector");
  params.embedding->push_back(std::numeric_limits<float>::quiet_NaN());
  CAF_CHECK_EQUAL(
    fault_of(params), "field \"embedding[0]\" is not a finite number");
  params.embedding->front() = 0;
  CAF_CHECK_EQUAL(fault_of(params), "");
}

/// What the documents and the events of a session say of their vectors.
template <class Params>
void check_vectors(Params params) {
  CAF_MESSAGE(std::string{Params::spec.name});
  params.chunks = {"a", "b"};
  CAF_CHECK_EQUAL(fault_of(params), "");
  params.embeddings.emplace();
  CAF_CHECK_EQUAL(fault_of(params), "");
  params.embeddings = {{1, 2}, {3, 4}};
  CAF_CHECK_EQUAL(fault_of(params), "");
  params.embeddings = {{1, 2}};
  CAF_CHECK_EQUAL(
    fault_of(params), "field \"embeddings\" has 1 elements for 2 chunks");
  params.embeddings = {{1, 2}, {3}};
  CAF_CHECK_EQUAL(
    fault_of(params),
    "field \"embeddings[1]\" has 1 dimensions, the first one has 2");
  params.embeddings = {{}, {}};
  CAF_CHECK_EQUAL(
    fault_of(params), "field \"embeddings[0]\" is an empty vector");
  params.embeddings = {{1}, {std::numeric_limits<float>::infinity()}};
  CAF_CHECK_EQUAL(
    fault_of(params), "field \"embeddings[1][0]\" is not a finite number");
}

} // namespace

CAF_TEST(a vector has dimensions and not too many) {
  using numbers = std::vector<float>;
  auto most = limits::embedding_dimensions_max;
  CAF_CHECK(!rules::embedding("e", std::nullopt));
  CAF_CHECK(!rules::embedding("e", numbers(1)));
  CAF_CHECK(!rules::embedding("e", numbers(most)));
  CAF_CHECK_EQUAL(
    text_of(rules::embedding("e", numbers{})), "e is an empty vector");
  CAF_CHECK_EQUAL(
    text_of(rules::embedding("e", numbers(most + 1))),
    "e has 16385 dimensions, more than embedding_dimensions_max = 16384");
}

CAF_TEST(searches check their limits and vectors) {
  check_search(kb_search{});
  check_search(events_search{});
  check_search(code_search{});
}

CAF_TEST(a list of events checks its limit) {
  events_list params;
  CAF_CHECK_EQUAL(fault_of(params), "");
  params.limit = 0;
  CAF_CHECK_EQUAL(fault_of(params), "");
  params.limit = -1;
  CAF_CHECK_EQUAL(fault_of(params), "field \"limit\" is negative");
  params.limit = limits::search_results_max + 1;
  CAF_CHECK_EQUAL(
    fault_of(params), "field \"limit\" is more than search_results_max = 1000");
}

CAF_TEST(vectors fit their chunks and each other) {
  check_vectors(kb_add_document{"p", "", {}, {}, {}});
  check_vectors(kb_update_document{"p", "", {}, {}, {}});
  check_vectors(replace_session_events{"s", "", {}, {}, {}});
}

CAF_TEST(names must not be empty) {
  auto path = "field \"file_path\" is empty";
  CAF_CHECK_EQUAL(fault_of(kb_add_document{}), path);
  CAF_CHECK_EQUAL(fault_of(kb_update_document{}), path);
  CAF_CHECK_EQUAL(fault_of(kb_delete_document{}), path);
  CAF_CHECK_EQUAL(fault_of(code_index_file{}), path);
  CAF_CHECK_EQUAL(
    fault_of(replace_session_events{}), "field \"session_id\" is empty");
  CAF_CHECK_EQUAL(
    fault_of(code_upsert_project{}), "field \"project_id\" is empty");
}

CAF_TEST(an event checks its vector) {
  save_event params;
  CAF_CHECK_EQUAL(fault_of(params), "");
  params.embedding.emplace();
  CAF_CHECK_EQUAL(fault_of(params), "field \"embedding\" is an empty vector");
}

CAF_TEST(a symbol lies where it can and is named with its index) {
  CAF_CHECK_EQUAL(symbol_fault([](auto&) {}), "");
  CAF_CHECK_EQUAL(
    symbol_fault([](auto& one) { one.id.clear(); }),
    "field \"symbols[1].id\" is empty");
  CAF_CHECK_EQUAL(
    symbol_fault([](auto& one) { one.start_line = 0; }),
    "field \"symbols[1].start_line\" is less than 1");
  CAF_CHECK_EQUAL(
    symbol_fault([](auto& one) { one.end_line = 0; }),
    "field \"symbols[1].end_line\" lies before the start");
  CAF_CHECK_EQUAL(
    symbol_fault([](auto& one) { one.start_byte = -1; }),
    "field \"symbols[1].start_byte\" is less than 0");
  CAF_CHECK_EQUAL(
    symbol_fault([](auto& one) { one.start_byte = 1; }),
    "field \"symbols[1].end_byte\" lies before the start");
  CAF_CHECK_EQUAL(
    symbol_fault([](auto& one) { one.embedding.emplace(); }),
    "field \"symbols[1].embedding\" is an empty vector");
  CAF_CHECK_EQUAL(
    symbol_fault([](auto& one) {
      one.embedding = {std::numeric_limits<float>::infinity()};
    }),
    "field \"symbols[1].embedding[0]\" is not a finite number");
  CAF_CHECK_EQUAL(
    symbol_fault([](auto& one) { one.name = "\xff"; }),
    "field \"symbols[1].name\" is not valid UTF-8");
  auto one = symbol();
  auto two = symbol();
  one.embedding = {1, 2};
  two.embedding = {1, 2, 3};
  CAF_CHECK_EQUAL(
    fault_of(indexed({symbol(), one, symbol(), two})),
    "field \"symbols[3].embedding\" has 3 dimensions, the first one has 2");
}
