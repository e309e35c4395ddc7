#include "app/commands/demo_files.hpp"

#include "messages/json_codec.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace dbproxy {

namespace fs = std::filesystem;

namespace {

std::string sha256_of(const std::string& content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(
    content.data(), content.size(), digest.data(), &size, EVP_sha256(),
    nullptr);
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += alphabet[digest[i] >> 4U];
    text += alphabet[digest[i] & 0xfU];
  }
  return text;
}

bool is_left_out(const fs::path& folder) {
  auto name = folder.filename().string();
  return name.starts_with('.') || name == "build" || name == "__pycache__";
}

} // namespace

result<file_selection> read_text_files(const fs::path& folder) {
  std::error_code failure;
  auto at = fs::recursive_directory_iterator{
    folder, fs::directory_options::skip_permission_denied, failure};
  if (failure)
    return make_error(
      error_code::internal,
      "cannot read the folder " + folder.string() + ": " + failure.message());
  file_selection out;
  for (; at != fs::recursive_directory_iterator{}; at.increment(failure)) {
    if (failure || out.files.size() >= demo_files_max)
      break;
    if (at->is_directory(failure) && is_left_out(at->path()))
      at.disable_recursion_pending();
    if (at->is_symlink(failure) || !at->is_regular_file(failure))
      continue;
    auto path = fs::relative(at->path(), folder, failure).string();
    std::ifstream in{at->path(), std::ios::binary};
    auto usable = in && at->file_size(failure) <= demo_file_bytes_max;
    std::string content;
    if (usable)
      content.assign(std::istreambuf_iterator<char>{in}, {});
    if (!usable || !is_utf8(content) || !is_utf8(path)) {
      ++out.skipped;
      continue;
    }
    auto digest = sha256_of(content);
    out.files.push_back(
      {std::move(path), std::move(content), std::move(digest)});
  }
  std::sort(
    out.files.begin(), out.files.end(),
    [](const text_file& a, const text_file& b) { return a.path < b.path; });
  return out;
}

} // namespace dbproxy
