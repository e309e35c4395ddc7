// The SHA-256 of a text.
#pragma once

#include <string>
#include <string_view>

namespace dbproxy {

/// In hexadecimal digits.
std::string sha256_of(std::string_view text);

} // namespace dbproxy
