// The rules of the knowledge base, the events and the code index.
#include "messages/code_index.hpp"
#include "messages/knowledge_base.hpp"
#include "messages/limits.hpp"
#include "messages/memory_events.hpp"

namespace dbproxy {

namespace {

/// The first fault of several rules.
template <class... Rules>
rule_fault first_of(Rules... checks) {
  rule_fault fault;
  ((fault || (fault = checks())), ...);
  return fault;
}

template <class Document>
rule_fault document_rules(const Document& params) {
  return first_of(
    [&] { return rules::not_empty("file_path", params.file_path); },
    [&] { return rules::embeddings(params.embeddings, params.chunks.size()); });
}

template <class Search>
rule_fault search_rules(const Search& params) {
  return first_of(
    [&] { return rules::embedding("embedding", params.embedding); },
    [&] { return rules::result_limit(params.limit); });
}

rule_fault range(
  const std::string& where, std::string_view unit, std::int64_t first,
  std::int64_t start, std::int64_t end) {
  if (start < first)
    return field_fault{
      where + ".start_" + std::string{unit},
      "is less than " + std::to_string(first)};
  if (end < start)
    return field_fault{
      where + ".end_" + std::string{unit}, "lies before the start"};
  return {};
}

rule_fault symbol_rules(const std::string& where, const new_code_symbol& one) {
  return first_of(
    [&] { return rules::not_empty(where + ".id", one.id); },
    [&] { return range(where, "line", 1, one.start_line, one.end_line); },
    [&] { return range(where, "byte", 0, one.start_byte, one.end_byte); },
    [&] { return rules::embedding(where + ".embedding", one.embedding); });
}

} // namespace

rule_fault check_rules(const kb_add_document& params) {
  return document_rules(params);
}

rule_fault check_rules(const kb_update_document& params) {
  return document_rules(params);
}

rule_fault check_rules(const kb_delete_document& params) {
  return rules::not_empty("file_path", params.file_path);
}

rule_fault check_rules(const kb_search& params) {
  return search_rules(params);
}

rule_fault check_rules(const save_event& params) {
  return rules::embedding("embedding", params.embedding);
}

rule_fault check_rules(const replace_session_events& params) {
  return first_of(
    [&] { return rules::not_empty("session_id", params.session_id); },
    [&] { return rules::embeddings(params.embeddings, params.chunks.size()); });
}

rule_fault check_rules(const events_list& params) {
  return params.limit ? rules::result_limit(*params.limit) : rule_fault{};
}

rule_fault check_rules(const events_search& params) {
  return search_rules(params);
}

rule_fault check_rules(const code_upsert_project& params) {
  return rules::not_empty("project_id", params.project_id);
}

rule_fault check_rules(const code_index_file& params) {
  if (auto fault = rules::not_empty("file_path", params.file_path))
    return fault;
  const std::vector<float>* first = nullptr;
  for (std::size_t i = 0; i < params.symbols.size(); ++i) {
    const auto& one = params.symbols[i];
    auto where = "symbols[" + std::to_string(i) + "]";
    if (auto fault = symbol_rules(where, one))
      return fault;
    if (!one.embedding)
      continue;
    if (first == nullptr)
      first = &*one.embedding;
    if (one.embedding->size() != first->size())
      return field_fault{
        where + ".embedding", "has " + std::to_string(one.embedding->size())
                                + " dimensions, the first one has "
                                + std::to_string(first->size())};
  }
  return {};
}

rule_fault check_rules(const code_search& params) {
  return search_rules(params);
}

} // namespace dbproxy
