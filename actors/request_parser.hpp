// The request parser: takes large texts apart beside the gateway, so that the
// requests of other peers do not wait for it.
#pragma once

#include "actors/interfaces.hpp"

namespace dbproxy {

request_parser_actor::behavior_type
request_parser(request_parser_actor::pointer self);

} // namespace dbproxy
