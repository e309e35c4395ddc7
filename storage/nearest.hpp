// The vectors that point most nearly where a given one points: an exact
// comparison with each, by the cosine of the angle between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dbproxy {

/// A stored vector: little-endian binary32, at any address.
using vector_bytes = std::span<const std::byte>;

/// The stored form of a vector, which stays where it is.
std::optional<vector_bytes>
stored_form(const std::optional<std::vector<float>>& vector);

/// The stored form of one of several vectors; nothing where there are none.
std::optional<vector_bytes> stored_form(
  const std::optional<std::vector<std::vector<float>>>& vectors,
  std::size_t index);

/// Where a vector points, whatever its length. Immutable; any thread.
class direction {
public:
  explicit direction(std::span<const float> vector);

  /// The cosine of the angle to a stored vector: 1 is the same direction, -1
  /// the opposite one. Nothing where one of the two has no direction, being
  /// zero or not finite, and where their dimensions differ.
  std::optional<double> cosine(vector_bytes stored) const;

private:
  std::vector<float> unit_; // of length 1; empty: no direction
};

/// Keeps the best of the vectors that it is offered. One thread at a time.
class nearest_vectors {
public:
  /// Keeps `count` at most.
  nearest_vectors(std::span<const float> wanted, std::size_t count);

  /// Vectors without a cosine (see there) are passed over.
  void offer(std::int64_t id, vector_bytes stored);

  /// The ids of those that were kept, best first; where two are as good, the
  /// smaller id. Leaves nothing behind.
  std::vector<std::int64_t> take();

private:
  struct candidate {
    double cosine = 0;
    std::int64_t id = 0;
  };

  static bool is_better(const candidate& a, const candidate& b) noexcept;

  direction wanted_;
  std::size_t count_;
  std::vector<candidate> kept_; // a heap with the worst in front
};

} // namespace dbproxy
