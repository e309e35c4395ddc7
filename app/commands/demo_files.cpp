#include "app/commands/demo_files.hpp"

#include "app/commands/sha256.hpp"
#include "messages/json_codec.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace dbproxy {

namespace fs = std::filesystem;

namespace {

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
