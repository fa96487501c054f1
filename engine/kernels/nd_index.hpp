// Iteration over an N-dimensional index space with strided operands: transposes, slices and broadcasts are
// one loop with different strides. The device side is shaders/include/nd_index.glsl.
#pragma once

#include <array>
#include <vector>

#include "kernels/operator.hpp"

namespace tarsier::kernels {

inline constexpr size_t kNdOperands = 4;

/// One axis: its extent and the step (in elements) of each operand.
struct NdAxis {
  int64_t extent = 1;
  std::array<int64_t, kNdOperands> stride{};
};

/// Drops axes of extent 1 and merges neighbours that every operand walks as one, so that few divisions are
/// left. Never empty.
[[nodiscard]] std::vector<NdAxis> collapse(const std::vector<NdAxis>& axes);
[[nodiscard]] std::vector<NdAxis> nd_axes(const Shape& shape,
                                          const std::vector<std::vector<int64_t>>& strides);
[[nodiscard]] int64_t count_of(const std::vector<NdAxis>& axes);

/// Multiplier and shift with which n / divisor == mulhi(n, magic) >> shift for every n below 2^31 (Granlund
/// and Montgomery, "Division by invariant integers using multiplication", 1994). Divisor at least 2.
struct Divisor {
  uint32_t magic = 0, shift = 0;
};
[[nodiscard]] Divisor divisor_of(uint32_t divisor);

/// The table that nd_index.glsl walks: 8 words an axis.
std::vector<std::byte> nd_table(const std::vector<NdAxis>& axes);

}  // namespace tarsier::kernels
