#include "app/commands/remembrances/ctags.hpp"

#include "app/commands/child_process.hpp"
#include "app/commands/remembrances/work.hpp"
#include "messages/json_codec.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace dbproxy {

namespace {

using namespace std::chrono_literals;

// How long one run may take, whatever files it was given.
constexpr auto run_wait = 2min;
constexpr auto ending_wait = 2s;
// One tag, or the name of one file.
constexpr std::size_t tag_bytes_max = 1U << 20U;
// Files whose languages are asked for in one run.
constexpr std::size_t languages_group_max = 1000;

/// A file in memory that holds `text`; it is the standard input of a process,
/// so that nobody has to feed it while its output is read.
class memory_file {
public:
  explicit memory_file(std::string_view text)
    : fd_(memfd_create("dbproxy", MFD_CLOEXEC)) {
    while (fd_ >= 0 && !text.empty()) {
      auto done = ::write(fd_, text.data(), text.size());
      if (done <= 0)
        break;
      text.remove_prefix(static_cast<std::size_t>(done));
    }
    whole_ = fd_ >= 0 && text.empty() && lseek(fd_, 0, SEEK_SET) == 0;
  }

  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  bool whole() const { return whole_; }
  int fd() const { return fd_; }

private:
  int fd_;
  bool whole_ = false;
};

write_error ctags_error(const std::string& what) {
  return make_error(error_code::internal, "ctags " + what);
}

/// Runs a program to its end; `take` gets each line of its output.
result<void> run_program(
  const std::string& program, std::vector<std::string> arguments,
  std::string_view input, const std::stop_token& stop,
  const std::function<void(const std::string&)>& take) {
  memory_file text{input};
  if (!text.whole())
    return ctags_error("cannot be given the names of the files");
  child_options options;
  options.program = program;
  options.arguments = std::move(arguments);
  options.own_group = true;
  options.input = text.fd();
  options.quiet = true;
  auto child = child_process::start(options);
  if (!child)
    return child.error();
  pipe_wait wait{
    std::chrono::steady_clock::now() + run_wait, stop, tag_bytes_max};
  std::string line;
  for (;;) {
    switch (child->read_line(line, wait)) {
    case line_reader::state::line:
      take(line);
      break;
    case line_reader::state::end:
      if (auto status = child->wait_or_kill(ending_wait); status != 0)
        return ctags_error("ended with status " + std::to_string(status));
      return {};
    case line_reader::state::too_long:
      return ctags_error("wrote a line that is too long");
    case line_reader::state::late:
      return ctags_error("did not end in time");
    case line_reader::state::stopped:
      return stopped_error();
    }
  }
}

bool is_universal(const std::string& program) {
  auto universal = false;
  auto json = false;
  auto done =
    run_program(program, {"--version"}, {}, {}, [&](const std::string& line) {
      universal |= line.find("Universal Ctags") != std::string::npos;
      json |= line.find("+json") != std::string::npos;
    });
  return done && universal && json;
}

std::string lines_of(const std::vector<std::string>& paths) {
  std::string text;
  for (const auto& path : paths)
    text += path + "\n";
  return text;
}

std::string text_at(const boost::json::object& tag, std::string_view key) {
  const auto* value = tag.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string{*text} : std::string{};
}

std::int64_t number_at(const boost::json::object& tag, std::string_view key) {
  const auto* value = tag.if_contains(key);
  const auto* number = value != nullptr ? value->if_int64() : nullptr;
  return number != nullptr ? *number : 0;
}

} // namespace

bool ctags_can_read(const std::string& path) {
  return path.find_first_of("\n\r") == std::string::npos && !path.empty()
         && std::string_view{" \t\v\f"}.find(path.back())
              == std::string_view::npos;
}

result<ctags> ctags::find() {
  const auto* list = std::getenv("PATH");
  std::string_view rest = list != nullptr ? list : "";
  while (!rest.empty()) {
    auto folder = std::string{rest.substr(0, rest.find(':'))};
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    for (const auto* name : {"ctags", "ctags-universal"}) {
      auto program = (folder.empty() ? "." : folder) + "/" + name;
      if (::access(program.c_str(), X_OK) == 0 && is_universal(program))
        return ctags{program};
    }
  }
  return make_error(
    error_code::internal,
    "no universal-ctags with JSON output is on PATH; on Debian, install the "
    "package universal-ctags");
}

result<std::map<std::string, std::string>> ctags::languages(
  const std::vector<std::string>& paths, const std::stop_token& stop) const {
  std::map<std::string, std::string> found;
  // "PATH: LANGUAGE", and "PATH: NONE".
  auto take = [&](const std::string& line) {
    auto colon = line.rfind(": ");
    if (colon == std::string::npos || line.substr(colon + 2) == "NONE")
      return;
    found.emplace(line.substr(0, colon), line.substr(colon + 2));
  };
  for (std::size_t at = 0; at < paths.size(); at += languages_group_max) {
    auto last = std::min(at + languages_group_max, paths.size());
    std::vector<std::string> group{
      paths.begin() + static_cast<std::ptrdiff_t>(at),
      paths.begin() + static_cast<std::ptrdiff_t>(last)};
    auto done = run_program(
      program_, {"--options=NONE", "--print-language", "-L", "-"},
      lines_of(group), stop, take);
    if (!done)
      return done.error();
  }
  return found;
}

result<std::map<std::string, std::vector<ctags_tag>>> ctags::tags(
  const std::vector<std::string>& paths, const std::stop_token& stop) const {
  std::map<std::string, std::vector<ctags_tag>> found;
  auto take = [&](const std::string& line) {
    auto parsed = parse_json(line);
    const auto* tag = parsed ? parsed->if_object() : nullptr;
    if (tag == nullptr || text_at(*tag, "_type") != "tag")
      return;
    ctags_tag one;
    one.name = text_at(*tag, "name");
    one.kind = text_at(*tag, "kind");
    one.scope = text_at(*tag, "scope");
    one.signature = text_at(*tag, "signature");
    one.line = number_at(*tag, "line");
    one.end_line = std::max(one.line, number_at(*tag, "end"));
    auto& of_file = found[text_at(*tag, "path")];
    if (!one.name.empty() && one.line > 0 && of_file.size() < file_tags_max)
      of_file.push_back(std::move(one));
  };
  // Nothing is read from the user's or the tree's own files of options.
  auto done = run_program(
    program_,
    {"--options=NONE", "--output-format=json", "--sort=no",
     "--fields=-P+neKSZz", "-f", "-", "-L", "-"},
    lines_of(paths), stop, take);
  if (!done)
    return done.error();
  return found;
}

} // namespace dbproxy
