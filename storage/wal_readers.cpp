#include "storage/wal_readers.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>

#include <sys/stat.h>

namespace dbproxy {

namespace {

// SQLite locks bytes of the -shm file: eight from 120 on, of which those from
// the fourth on are the five read marks (https://sqlite.org/walformat.html,
// "WAL locks").
constexpr std::int64_t first_read_mark = 123;
constexpr std::int64_t last_read_mark = 127;

/// A lock that is held. proc_locks(5): "1: POSIX ADVISORY READ 4711 08:01:131
/// 124 124"; one that is waited for has "->" in second place.
struct held_lock {
  std::int64_t pid = 0;
  std::uint64_t inode = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  auto end = text.data() + text.size();
  auto [at, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || at != end)
    return std::nullopt;
  return value;
}

std::optional<held_lock> parse_lock(const std::string& line) {
  std::istringstream in{line};
  const std::vector<std::string> words{
    std::istream_iterator<std::string>{in}, {}};
  if (words.size() != 8 || words[1] != "POSIX")
    return std::nullopt;
  auto pid = parse_number<std::int64_t>(words[4]);
  auto inode =
    parse_number<std::uint64_t>(words[5].substr(words[5].rfind(':') + 1));
  auto first = parse_number<std::int64_t>(words[6]);
  auto last = parse_number<std::int64_t>(words[7]); // "EOF" is no number
  if (!pid || !inode || !first || !last)
    return std::nullopt;
  return held_lock{*pid, *inode, *first, *last};
}

std::string program_of(std::int64_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
  std::string name;
  std::getline(file, name);
  return name;
}

} // namespace

std::vector<wal_reader>
find_wal_readers(const std::filesystem::path& database) {
  struct stat file {};
  std::vector<wal_reader> readers;
  if (::stat((database.string() + "-shm").c_str(), &file) != 0)
    return readers;
  std::ifstream locks{"/proc/locks"};
  for (std::string line; std::getline(locks, line);) {
    auto lock = parse_lock(line);
    if (
      !lock || lock->inode != file.st_ino || lock->last < first_read_mark
      || lock->first > last_read_mark)
      continue;
    if (
      std::ranges::find(readers, lock->pid, &wal_reader::pid) == readers.end())
      readers.push_back({lock->pid, program_of(lock->pid)});
  }
  return readers;
}

} // namespace dbproxy
