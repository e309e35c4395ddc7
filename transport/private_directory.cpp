#include "transport/private_directory.hpp"

#include "transport/posix.hpp"

#include <cerrno>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace dbproxy {

namespace {

write_error refused(
  const std::filesystem::path& path, std::string_view why,
  std::string_view advice) {
  std::string text = "the directory " + path.string() + " is refused: ";
  text += why;
  text += "; ";
  text += advice;
  return make_error(error_code::internal, std::move(text));
}

} // namespace

result<bool> check_private_directory(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT)
      return false;
    return os_error("cannot examine the directory " + path.string(), errno);
  }
  if (S_ISLNK(found.st_mode))
    return refused(path, "it is a symbolic link", "remove the link");
  if (!S_ISDIR(found.st_mode))
    return refused(
      path, "something that is no directory has its name",
      "move that out of the way");
  if (found.st_uid != ::geteuid())
    return refused(
      path,
      "it belongs to user " + std::to_string(found.st_uid) + ", not to user "
        + std::to_string(::geteuid()),
      "run as its owner, or have it removed");
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return refused(
      path, "other users have access to it",
      "chmod 700 it after a look at what is in it");
  return true;
}

result<void> make_private_directory(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), S_IRWXU) == 0) {
    // The umask of a careless host may have taken the owner's own rights.
    if (::chmod(path.c_str(), S_IRWXU) != 0)
      return os_error("cannot make " + path.string() + " private", errno);
  } else if (errno != EEXIST) {
    return os_error(
      "cannot create the directory " + path.string(), errno,
      "the folder that it is to be in must be writable");
  }
  auto checked = check_private_directory(path);
  if (!checked)
    return checked.error();
  if (!*checked)
    return make_error(
      error_code::internal, "the directory " + path.string()
                              + " was removed by somebody while it "
                              + "was being created; try again");
  return {};
}

} // namespace dbproxy
