#include "app/commands/scratch_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace dbproxy {

namespace fs = std::filesystem;

result<scratch_folder>
scratch_folder::make(const fs::path& parent, const std::string& name) {
  auto pattern = (parent / (name + "-XXXXXX")).string();
  if (mkdtemp(pattern.data()) != nullptr)
    return scratch_folder{pattern};
  return make_error(
    error_code::internal,
    "cannot make a folder in " + parent.string() + ": " + std::strerror(errno));
}

scratch_folder::scratch_folder(scratch_folder&& other) noexcept
  : path_(std::exchange(other.path_, {})),
    kept_(other.kept_) {}

scratch_folder::~scratch_folder() {
  // What cannot be removed stays in the folder for temporary files.
  std::error_code ignored;
  if (!path_.empty() && !kept_)
    fs::remove_all(path_, ignored);
}

} // namespace dbproxy
