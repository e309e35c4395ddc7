#include "app/commands/sha256.hpp"

#include <openssl/evp.h>

#include <array>

namespace dbproxy {

std::string sha256_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(
    text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::string digits;
  for (unsigned int i = 0; i < size; ++i) {
    digits += alphabet[digest[i] >> 4U];
    digits += alphabet[digest[i] & 0xfU];
  }
  return digits;
}

} // namespace dbproxy
