#include "app/commands/remembrances/folder.hpp"

#include "app/commands/sha256.hpp"
#include "app/commands/text.hpp"
#include "messages/json_codec.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dbproxy {

namespace fs = std::filesystem;

namespace {

bool is_excluded(
  const fs::path& path, const std::string& root,
  const std::vector<std::string>& patterns) {
  auto name = path.filename().string();
  auto below = path.lexically_relative(root).string();
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& one) {
    return fnmatch(one.c_str(), name.c_str(), 0) == 0
           || fnmatch(one.c_str(), below.c_str(), 0) == 0;
  });
}

std::string shown(const fs::path& path) {
  auto text = path.string();
  return is_utf8(text) ? text : printable(text);
}

/// Goes through the folders one by one; the next ones are on a list, so that
/// depth costs no stack.
class folder_walk {
public:
  folder_walk(const std::string& root, const folder_rules& rules)
    : root_(root),
      rules_(rules),
      next_{root} {}

  result<folder_files> run() {
    while (!next_.empty()) {
      auto folder = std::move(next_.back());
      next_.pop_back();
      if (auto done = read(folder); !done)
        return done.error();
    }
    std::sort(out_.paths.begin(), out_.paths.end());
    return std::move(out_);
  }

private:
  result<void> read(const fs::path& folder) {
    std::error_code failure;
    fs::directory_iterator at{folder, failure};
    for (; !failure && at != fs::directory_iterator{}; at.increment(failure)) {
      take(*at);
      if (out_.paths.size() > folder_files_max)
        return make_error(
          error_code::internal, root_ + " has more than "
                                  + std::to_string(folder_files_max)
                                  + " files");
    }
    if (!failure)
      return {};
    auto reason = "cannot be read: " + failure.message();
    if (folder == root_)
      return make_error(error_code::internal, root_ + " " + reason);
    out_.unread.push_back(folder.string());
    out_.skipped.push_back({shown(folder), reason});
    return {};
  }

  void take(const fs::directory_entry& entry) {
    std::error_code failure;
    const auto& path = entry.path();
    if (entry.is_symlink(failure) || is_excluded(path, root_, rules_.exclude))
      return;
    if (entry.is_directory(failure)) {
      if (!path.filename().string().starts_with('.'))
        next_.push_back(path);
    } else if (entry.is_regular_file(failure) && rules_.wanted(path)) {
      if (is_utf8(path.string()))
        out_.paths.push_back(path.string());
      else
        out_.skipped.push_back({shown(path), "its name is not UTF-8"});
    }
  }

  const std::string& root_;
  const folder_rules& rules_;
  std::vector<fs::path> next_;
  folder_files out_;
};

/// A descriptor that is closed at the end of the scope.
struct open_file {
  int fd;
  ~open_file() {
    if (fd >= 0)
      ::close(fd);
  }
};

write_error unfit(std::string why) {
  return make_error(error_code::invalid_params, std::move(why));
}

write_error unreadable() {
  return unfit(std::string{"cannot be read: "} + std::strerror(errno));
}

write_error too_large(std::size_t bytes_max) {
  return unfit("has more than " + std::to_string(bytes_max) + " bytes");
}

result<std::string> read_all(int fd, std::size_t size, std::size_t bytes_max) {
  constexpr std::size_t step = 1U << 16U;
  std::string content;
  // One byte more than it had shows at once that it has not grown.
  content.resize(std::max(size + 1, step));
  std::size_t used = 0;
  for (;;) {
    if (used == content.size())
      content.resize(used + step);
    auto got = ::read(fd, content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return unreadable();
    used += static_cast<std::size_t>(got);
    if (used > bytes_max)
      return too_large(bytes_max);
    if (got == 0)
      break;
  }
  content.resize(used);
  return content;
}

} // namespace

bool folder_files::may_hold(std::string_view path) const {
  return std::any_of(unread.begin(), unread.end(), [&](const auto& folder) {
    return path.starts_with(folder + "/");
  });
}

result<std::string> canonical_folder(const std::string& folder) {
  std::error_code failure;
  auto path = fs::canonical(folder, failure);
  if (!failure && !fs::is_directory(path, failure) && !failure)
    failure = std::make_error_code(std::errc::not_a_directory);
  if (failure)
    return make_error(error_code::internal, folder + ": " + failure.message());
  if (!is_utf8(path.string()))
    return make_error(
      error_code::invalid_params,
      "the name of the folder " + printable(path.string()) + " is not UTF-8");
  return path.string();
}

result<folder_files>
list_folder(const std::string& root, const folder_rules& rules) {
  return folder_walk{root, rules}.run();
}

result<file_text> read_text(const std::string& path, std::size_t bytes_max) {
  // What has become a pipe or a link since it was listed must not be followed.
  open_file file{::open(
    path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)};
  struct stat now {};
  if (file.fd < 0 || fstat(file.fd, &now) != 0)
    return unreadable();
  if (!S_ISREG(now.st_mode))
    return unfit("is no regular file");
  auto size = static_cast<std::size_t>(now.st_size);
  if (size > bytes_max)
    return too_large(bytes_max);
  auto content = read_all(file.fd, size, bytes_max);
  if (!content)
    return content.error();
  if (!is_utf8(*content))
    return unfit("is not UTF-8");
  auto digest = sha256_of(*content);
  return file_text{std::move(*content), std::move(digest)};
}

} // namespace dbproxy
