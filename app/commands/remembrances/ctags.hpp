// universal-ctags, the program that knows where the symbols of a source file
// are.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

namespace dbproxy {

/// What ctags says of one symbol.
struct ctags_tag {
  std::string name;
  std::string kind;
  std::string scope; ///< the names around it, as the language joins them
  std::string signature;
  std::int64_t line = 0;
  std::int64_t end_line = 0; ///< `line` where ctags does not say
};

/// Of one file at most so many tags are kept.
inline constexpr std::size_t file_tags_max = 50'000;

/// True if the name of a file can be told to ctags, which reads one a line.
bool ctags_can_read(const std::string& path);

/// Runs the program. A value type; any thread.
class ctags {
public:
  /// The first universal-ctags on PATH, by the name of ctags or
  /// ctags-universal. INTERNAL, with what to install, if there is none.
  static result<ctags> find();

  explicit ctags(std::string program) : program_(std::move(program)) {}

  const std::string& program() const noexcept { return program_; }

  /// The language of each of `paths`; files of no known language are left out.
  result<std::map<std::string, std::string>> languages(
    const std::vector<std::string>& paths, const std::stop_token& stop) const;

  /// The tags of each of `paths`; a file without any may be left out. INTERNAL
  /// if ctags fails on one of them.
  result<std::map<std::string, std::vector<ctags_tag>>> tags(
    const std::vector<std::string>& paths, const std::stop_token& stop) const;

private:
  std::string program_;
};

} // namespace dbproxy
