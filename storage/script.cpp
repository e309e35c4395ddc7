#include "storage/script.hpp"

#include "storage/sql_text.hpp"

namespace dbproxy {

script::script(std::string_view sql) : statements_(split_statements(sql)) {}

namespace detail {

write_error no_statement() {
  return make_error(error_code::internal, "the SQL is empty");
}

write_error no_row() {
  return make_error(error_code::internal, "the SQL returned no row");
}

write_error several_rows() {
  return make_error(error_code::internal, "the SQL returned several rows");
}

write_error negative_limit(std::int64_t limit) {
  return make_error(
    error_code::invalid_params,
    "field \"limit\" must not be negative, but is " + std::to_string(limit));
}

} // namespace detail

} // namespace dbproxy
