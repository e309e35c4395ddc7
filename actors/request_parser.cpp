#include "actors/request_parser.hpp"

#include "transport/json_rpc.hpp"

namespace dbproxy {

request_parser_actor::behavior_type
request_parser(request_parser_actor::pointer) {
  return {[](const parse_command& command) {
    return std::make_shared<rpc_message>(parse_message(*command.text));
  }};
}

} // namespace dbproxy
