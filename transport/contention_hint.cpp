#include "transport/contention_hint.hpp"

#include "transport/posix.hpp"

#include <cerrno>
#include <ctime>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dbproxy {

namespace {

std::int64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

constexpr std::int64_t validity_ns =
  std::chrono::nanoseconds{contention_hint::validity}.count();

} // namespace

result<std::shared_ptr<contention_hint>>
contention_hint::open(const instance_directory& directory) {
  auto path = directory.path() / "hint";
  auto fail = [&](const char* what) {
    return os_error(
      std::string{"cannot "} + what + " the hint " + path.string(), errno);
  };
  unique_fd file{
    ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file)
    return fail("open");
  // Its space is taken now: to write to a page for which the disk has none
  // would end the process (mmap(2), SIGBUS).
  if (auto code = posix_fallocate(file.get(), 0, sizeof(stamp)); code != 0) {
    errno = code;
    return fail("take space for");
  }
  auto* memory = mmap(
    nullptr, sizeof(stamp), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED)
    return fail("map");
  // The file's eight bytes are the object: a lock-free atomic has the
  // representation of its value.
  return std::shared_ptr<contention_hint>{
    new contention_hint{static_cast<stamp*>(memory)}};
}

contention_hint::~contention_hint() {
  munmap(static_cast<void*>(until_ns_), sizeof(stamp));
}

void contention_hint::mark() noexcept {
  until_ns_->store(monotonic_ns() + validity_ns, std::memory_order_relaxed);
}

bool contention_hint::contended() const noexcept {
  auto until = until_ns_->load(std::memory_order_relaxed);
  auto now = monotonic_ns();
  return now < until && until <= now + validity_ns;
}

} // namespace dbproxy
