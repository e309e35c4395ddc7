#include "storage/nearest.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace dbproxy {

namespace {

/// Sums that do not wait for each other: as many as fill the registers of
/// baseline x86-64, half of them for each of the two sums.
constexpr std::size_t lanes = 16;
using block = std::array<float, lanes>;

/// Within these bounds 32-bit floats are enough for a sum of squares.
constexpr float square_min = 1e-20F;
constexpr float square_max = 1e+30F;

struct sums {
  float product = 0;
  float square = 0;
};

float number_at(vector_bytes stored, std::size_t index) {
  float value = 0;
  std::memcpy(&value, stored.data() + index * sizeof value, sizeof value);
  return value;
}

/// The dot product with `unit`, and with itself, of a stored vector. Reads
/// each number once. The compiler makes vector instructions of the inner loop
/// because its iterations are independent: there is no order to be kept.
sums sum_up(const float* unit, vector_bytes stored) {
  block products{};
  block squares{};
  auto count = stored.size() / sizeof(float);
  auto whole = count - count % lanes;
  for (std::size_t i = 0; i < whole; i += lanes) {
    block values; // a copy that ends up in registers, wherever the bytes lie
    std::memcpy(
      values.data(), stored.data() + i * sizeof(float), sizeof values);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      products[lane] += unit[i + lane] * values[lane];
      squares[lane] += values[lane] * values[lane];
    }
  }
  sums total;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    total.product += products[lane];
    total.square += squares[lane];
  }
  for (auto i = whole; i < count; ++i) {
    auto value = number_at(stored, i);
    total.product += unit[i] * value;
    total.square += value * value;
  }
  return total;
}

/// The same for numbers whose squares no 32-bit float holds.
std::optional<double> careful_cosine(const float* unit, vector_bytes stored) {
  double product = 0;
  double square = 0;
  for (std::size_t i = 0; i < stored.size() / sizeof(float); ++i) {
    auto value = number_at(stored, i);
    product += double{unit[i]} * value;
    square += double{value} * value;
  }
  if (square == 0 || !std::isfinite(square))
    return std::nullopt;
  return product / std::sqrt(square);
}

} // namespace

std::optional<vector_bytes>
stored_form(const std::optional<std::vector<float>>& vector) {
  if (!vector)
    return std::nullopt;
  return std::as_bytes(std::span{*vector});
}

std::optional<vector_bytes> stored_form(
  const std::optional<std::vector<std::vector<float>>>& vectors,
  std::size_t index) {
  if (!vectors || index >= vectors->size())
    return std::nullopt;
  return std::as_bytes(std::span{(*vectors)[index]});
}

// -- direction ---------------------------------------------------------------

direction::direction(std::span<const float> vector) {
  double square = 0;
  for (auto value : vector)
    square += double{value} * value;
  if (square == 0 || !std::isfinite(square))
    return;
  unit_.resize(vector.size());
  auto length = std::sqrt(square);
  std::ranges::transform(vector, unit_.begin(), [length](float value) {
    return static_cast<float>(value / length);
  });
}

std::optional<double> direction::cosine(vector_bytes stored) const {
  if (unit_.empty() || stored.size() != unit_.size() * sizeof(float))
    return std::nullopt;
  auto total = sum_up(unit_.data(), stored);
  if (total.square >= square_min && total.square <= square_max)
    return double{total.product} / std::sqrt(double{total.square});
  return careful_cosine(unit_.data(), stored);
}

// -- nearest_vectors ---------------------------------------------------------

nearest_vectors::nearest_vectors(
  std::span<const float> wanted, std::size_t count)
  : wanted_(wanted),
    count_(count) {
  kept_.reserve(count);
}

bool nearest_vectors::is_better(
  const candidate& a, const candidate& b) noexcept {
  return a.cosine > b.cosine || (a.cosine == b.cosine && a.id < b.id);
}

void nearest_vectors::offer(std::int64_t id, vector_bytes stored) {
  auto cosine = wanted_.cosine(stored);
  if (!cosine)
    return;
  candidate one{*cosine, id};
  if (kept_.size() == count_) {
    if (kept_.empty() || !is_better(one, kept_.front()))
      return;
    std::ranges::pop_heap(kept_, is_better);
    kept_.pop_back();
  }
  kept_.push_back(one);
  std::ranges::push_heap(kept_, is_better);
}

std::vector<std::int64_t> nearest_vectors::take() {
  auto kept = std::exchange(kept_, {});
  std::ranges::sort(kept, is_better);
  std::vector<std::int64_t> ids;
  ids.reserve(kept.size());
  for (const auto& one : kept)
    ids.push_back(one.id);
  return ids;
}

} // namespace dbproxy
