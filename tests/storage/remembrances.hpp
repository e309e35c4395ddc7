// What the suites of the knowledge base, the events and the code index share:
// writes as they are prepared for the writer, and a look at the full-text
// indexes after every test.
#pragma once

#include "storage/integrity.hpp"
#include "temp_database.hpp"

#include <boost/json.hpp>

#include <string>
#include <string_view>

#include "caf/test/unit_test.hpp"

namespace dbproxy::storage_test {

struct remembrance_fixture : method_fixture {
  ~remembrance_fixture() {
    for (const auto& fault : must(find_faults(db)))
      CAF_ERROR(fault);
  }

  void sql(std::string_view text) { must(db.execute(text)); }

  std::string is(std::string_view query) { return row(db, query); }

  /// "CODE: message" of a write that is refused before it gets to a connection.
  template <class Params>
  static std::string refused(const Params& params) {
    auto method = catalogue_methods().find(Params::spec.name);
    return failure(prepare(method, boxed::of(params), {}));
  }

  /// The same of parameters that come as JSON.
  static std::string
  refused_json(std::string_view name, std::string_view params) {
    auto method = catalogue_methods().find(name);
    auto decoded = method->params->decode(must(parse_json(params)));
    if (!decoded)
      return failure(decoded);
    return failure(prepare(method, *decoded, {}));
  }

  /// One member of each element of a list, with a blank after it.
  static std::string
  each(const boost::json::value& list, std::string_view member) {
    std::string joined;
    for (const auto& element : list.as_array()) {
      const auto& value = element.at(member);
      joined += value.is_string() ? std::string{value.as_string()}
                                  : boost::json::serialize(value);
      joined += ' ';
    }
    return joined;
  }
};

} // namespace dbproxy::storage_test
