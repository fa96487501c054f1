// How the tiled and the matrix kernels cut a product into workgroups (shaders/include/tile.glsl,
// matrix.glsl), and the names that their variants have in graph::Node::variant.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/device.hpp"

namespace tarsier::kernels {

/// One way to run a product of `rows` x `columns` over `depth`. As text "tiled.64x64", "tiled.32x32.k4",
/// "tiled.64x64.half", "tiled.64x64.bytes", "matrix.64x64.16x16x16": family, tile, then what differs from the
/// default.
struct TileVariant {
  enum class Family {
    kTiled,
    kMatrix,    // cooperative matrices
    kEmulated,  // the same without the matrix instructions: tests run it on devices that have none
  };
  Family family = Family::kTiled;
  uint32_t rows = 0, columns = 0;  // of a workgroup's tile
  uint32_t splits = 1;             // parts of k, summed by a second dispatch
  bool half = false;               // kTiled: fp16 arithmetic
  bool bytes = false;              // kTiled: dot products of four bytes, see byte_weights.hpp
  gpu::MatrixShape shape{};        // kMatrix: what one instruction multiplies
  auto operator<=>(const TileVariant&) const = default;

  [[nodiscard]] bool matrix() const { return family != Family::kTiled; }
  [[nodiscard]] std::string name() const;
  /// Nothing where the text is the name of no tiled or matrix variant.
  static std::optional<TileVariant> parse(std::string_view name);
};

/// The size of a product; `batch` of them run side by side.
struct ProductSize {
  int64_t rows = 1, columns = 1, depth = 1, batch = 1;
};

/// Specialisation constants 6 to 10 of tile.glsl.
struct TileShape {
  uint32_t threads = 0, rows = 0, columns = 0;
  /// Of an invocation: its rows and groups of 4 columns. With matrices: subgroups along rows and columns.
  uint32_t part_rows = 0, part_columns = 0;
  [[nodiscard]] std::vector<uint32_t> constants() const {
    return {threads, rows, columns, part_rows, part_columns};
  }
};
/// k of a step; weights are padded to whole steps.
[[nodiscard]] inline int64_t step_depth(const TileVariant& variant) {
  return variant.matrix() ? 32 : variant.bytes ? 64 : 16;
}
/// Nothing where there is no such tile, or where it does not fit the device (shared memory, subgroups).
[[nodiscard]] std::optional<TileShape> tile_shape(const TileVariant& variant,
                                                  const gpu::DeviceFeatures& device);
/// Shared memory that a workgroup takes.
[[nodiscard]] uint32_t shared_bytes(const TileVariant& variant, const TileShape& shape);

/// The ways that fit the device and the size, best guess first, at most three: a tuner measures them.
/// `half`: operands are stored as fp16 or may be rounded to it. `bytes`: operands are whole numbers of few
/// bits.
[[nodiscard]] std::vector<TileVariant> tiled_variants(const ProductSize& size,
                                                      const gpu::DeviceFeatures& device, bool half,
                                                      bool bytes = false);
/// The same for cooperative matrices; empty where the device has none that multiply fp16 into fp32, or this
/// program was built without them.
[[nodiscard]] std::vector<TileVariant> matrix_variants(const ProductSize& size,
                                                       const gpu::DeviceFeatures& device, bool half);

/// Whether fp16 holds the weights as well as it holds activations.
[[nodiscard]] bool halves_hold(std::span<const float> weights);

/// The shader of a variant; `op` is "conv" or "matmul".
[[nodiscard]] std::string tile_shader(std::string_view op, const TileVariant& variant);
/// What stands in for a variant with matrices or bytes where these do not hold the weights.
[[nodiscard]] TileVariant plain_tiles(const TileVariant& variant);

/// How `steps` of k are divided: every part has `per_part` of them but the last, which has at least one.
struct Split {
  uint32_t parts = 1, per_part = 1;
};
[[nodiscard]] Split split_steps(int64_t steps, uint32_t wanted_parts);
/// Parts that scratch memory must have room for. The plain tiled kernel may stand in for one with matrices or
/// bytes: its steps are shorter, its parts at most as many as were asked for.
[[nodiscard]] uint32_t most_parts(const TileVariant& variant, int64_t depth);

}  // namespace tarsier::kernels
