#include "kernels/tiles.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "gpu/shader_library.hpp"
#include "kernels/operator.hpp"

namespace tarsier::kernels {
namespace {

/// "64x32x16" as numbers; nothing where the text is anything else.
std::optional<std::vector<uint32_t>> parse_extents(std::string_view text) {
  std::vector<uint32_t> out;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    uint32_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || value == 0) return std::nullopt;
    out.push_back(value);
    if (next == end) return out;
    if (*next != 'x') return std::nullopt;
    at = next + 1;
  }
}

/// A shape and how well it keeps the arithmetic units busy once it runs, against the best: products for each
/// load from shared memory.
struct RatedShape {
  TileShape shape;
  double efficiency;
};
constexpr RatedShape kShapes[] = {
    {{128, 128, 64, 8, 2}, 1.0},  // 8 x 8 sums an invocation
    {{128, 64, 64, 4, 2}, 0.85},  // fits the 16 KiB of shared memory that every device has
    {{128, 128, 32, 8, 1}, 0.8},  // few output channels
    {{64, 32, 32, 4, 1}, 0.6},    // small images
    {{64, 64, 16, 4, 1}, 0.55},   // very few output channels
};

/// Tiles of the matrix kernels, with as many subgroups as give each a few blocks of sums to reuse operands
/// among.
struct MatrixTile {
  uint32_t rows, columns, subgroups;
  double efficiency;
};
constexpr MatrixTile kMatrixTiles[] = {
    {128, 128, 8, 1.0}, {128, 64, 4, 0.9}, {64, 64, 4, 0.75}, {64, 32, 2, 0.55}, {32, 32, 1, 0.4},
};

// Guesses of what a GPU is like, in products; the tuner measures. Workgroups that it holds at once, ...
constexpr double kSlots = 160;
// ... what matrix instructions gain, what packed fp16 and dot products of bytes gain, what writing and
// reading back a partial sum costs, and one more dispatch.
constexpr double kMatrixGain = 6, kHalfGain = 1.6, kBytesGain = 2.5, kPartialCost = 160, kDispatchCost = 2e7;

double cost_of(const ProductSize& size, uint32_t rows, uint32_t columns, uint32_t splits, double efficiency) {
  const double blocks = double(ceil_div(size.rows, rows) * ceil_div(size.columns, columns) * size.batch);
  const double block = double(rows) * columns * double(size.depth) / splits / efficiency;
  double cost = std::max(blocks * splits, kSlots) * block;
  if (splits > 1)
    cost += double(size.rows * size.columns * size.batch) * splits * kPartialCost + kDispatchCost;
  return cost;
}

struct Candidate {
  TileVariant variant;
  double cost;
};

std::vector<TileVariant> best_of(std::vector<Candidate> candidates) {
  constexpr size_t kOffered = 3;
  std::ranges::stable_sort(candidates, {}, &Candidate::cost);
  std::vector<TileVariant> out;
  for (const Candidate& candidate : candidates) {
    if (out.size() < kOffered) out.push_back(candidate.variant);
  }
  return out;
}

constexpr std::string_view kFamilies[] = {"tiled", "matrix", "emulated"};
constexpr uint32_t kSplitChoices[] = {1, 2, 4, 8, 16};

/// A part of k shorter than this spends its time on filling and emptying.
bool worth_splitting(int64_t steps, uint32_t splits) {
  return splits == 1 || steps / splits >= 4;
}

}  // namespace

std::string TileVariant::name() const {
  std::string text = fmt::format("{}.{}x{}", kFamilies[size_t(family)], rows, columns);
  if (matrix()) text += fmt::format(".{}x{}x{}", shape.m, shape.n, shape.k);
  if (half) text += ".half";
  if (bytes) text += ".bytes";
  if (splits > 1) text += fmt::format(".k{}", splits);
  return text;
}

std::optional<TileVariant> TileVariant::parse(std::string_view name) {
  TileVariant out;
  size_t index = 0;
  for (size_t begin = 0; begin <= name.size(); ++index) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    begin = end + 1;
    if (index == 0) {
      const auto* const family = std::ranges::find(kFamilies, part);
      if (family == std::end(kFamilies)) return std::nullopt;
      out.family = Family(family - std::begin(kFamilies));
    } else if (part == "half" && !out.matrix() && index > 1) {
      out.half = true;
    } else if (part == "bytes" && !out.matrix() && !out.half && index > 1) {
      out.bytes = true;
    } else if (part.starts_with('k') && index > 1) {
      const auto splits = parse_extents(part.substr(1));
      if (!splits || splits->size() != 1) return std::nullopt;
      out.splits = (*splits)[0];
    } else {
      const auto extents = parse_extents(part);
      if (!extents) return std::nullopt;
      if (index == 1 && extents->size() == 2) {
        out.rows = (*extents)[0];
        out.columns = (*extents)[1];
      } else if (index == 2 && extents->size() == 3 && out.matrix()) {
        out.shape = {(*extents)[0], (*extents)[1], (*extents)[2]};
      } else {
        return std::nullopt;
      }
    }
  }
  // Only the one spelling: names are keys.
  return out.name() == name ? std::optional(out) : std::nullopt;
}

uint32_t shared_bytes(const TileVariant& variant, const TileShape& shape) {
  const auto depth = uint32_t(step_depth(variant));
  if (!variant.matrix()) {
    const uint32_t bytes = variant.bytes ? 1 : variant.half ? 2 : 4;
    return 2 * depth * (shape.rows + shape.columns) * bytes;
  }
  // The paddings of tile_matrix.glsl.
  const uint32_t operands = 2 * (shape.rows * (depth + 8) + depth * (shape.columns + 8)) * 2;
  return operands + shape.part_rows * shape.part_columns * variant.shape.m * (variant.shape.n + 4) * 4;
}

namespace {

/// How `subgroups` divide a tile: nearly square parts that are made of whole blocks.
std::optional<TileShape> divide_tile(const TileVariant& variant, uint32_t subgroups, uint32_t subgroup_size) {
  const auto& [m, n, k] = variant.shape;
  std::optional<TileShape> best;
  uint32_t best_edge = ~0U;
  for (uint32_t rows = 1; rows <= subgroups; rows *= 2) {
    const uint32_t columns = subgroups / rows;
    if (variant.rows % (rows * m) != 0 || variant.columns % (columns * n) != 0) continue;
    const uint32_t edge = variant.rows / rows + variant.columns / columns;
    if (edge >= best_edge) continue;
    best_edge = edge;
    best = TileShape{subgroups * subgroup_size, variant.rows, variant.columns, rows, columns};
  }
  return best;
}

bool is_power_of_two(uint32_t x) {
  return x != 0 && (x & (x - 1)) == 0;
}

std::optional<TileShape> matrix_shape(const TileVariant& variant, const gpu::DeviceFeatures& device) {
  const auto* const tile = std::ranges::find_if(kMatrixTiles, [&](const MatrixTile& t) {
    return t.rows == variant.rows && t.columns == variant.columns;
  });
  const auto& [m, n, k] = variant.shape;
  const auto depth = uint32_t(step_depth(variant));
  if (tile == std::end(kMatrixTiles) || !is_power_of_two(device.subgroup_size)) return std::nullopt;
  // Rows of a block must be whole words of 16 bytes in shared memory.
  if (m == 0 || n % 8 != 0 || n == 0 || k % 8 != 0 || k == 0 || depth % k != 0) return std::nullopt;
  // At least an invocation a row, for the fetches, so a short subgroup has more beside it.
  const uint32_t subgroups = std::max(tile->subgroups, variant.rows / device.subgroup_size);
  const auto shape = divide_tile(variant, subgroups, device.subgroup_size);
  if (!shape || shape->threads % shape->rows != 0 || shape->threads > device.max_workgroup ||
      depth * shape->columns % (shape->threads * 4) != 0 || (m * n) % (device.subgroup_size * 4) != 0 ||
      shared_bytes(variant, *shape) > device.max_shared_bytes) {
    return std::nullopt;
  }
  return shape;
}

}  // namespace

std::optional<TileShape> tile_shape(const TileVariant& variant, const gpu::DeviceFeatures& device) {
  if (variant.matrix()) return matrix_shape(variant, device);
  for (const auto& [shape, efficiency] : kShapes) {
    if (shape.rows == variant.rows && shape.columns == variant.columns &&
        shared_bytes(variant, shape) <= device.max_shared_bytes) {
      return shape;
    }
  }
  return std::nullopt;
}

std::vector<TileVariant> tiled_variants(const ProductSize& size, const gpu::DeviceFeatures& device, bool half,
                                        bool bytes) {
  struct Arithmetic {
    bool half, bytes, possible;
    double gain;
  };
  const Arithmetic ways[] = {{false, false, true, 1},
                             {true, false, half && device.shader_float16, kHalfGain},
                             {false, true, bytes && device.fast_byte_dot, kBytesGain}};
  std::vector<Candidate> candidates;
  for (const auto& [shape, efficiency] : kShapes) {
    for (const uint32_t splits : kSplitChoices) {
      for (const Arithmetic& way : ways) {
        const TileVariant variant{.rows = shape.rows,
                                  .columns = shape.columns,
                                  .splits = splits,
                                  .half = way.half,
                                  .bytes = way.bytes};
        if (!way.possible || !worth_splitting(ceil_div(size.depth, step_depth(variant)), splits)) continue;
        if (!tile_shape(variant, device)) continue;
        const double cost = cost_of(size, shape.rows, shape.columns, splits, efficiency * way.gain);
        candidates.push_back({variant, cost});
      }
    }
  }
  return best_of(std::move(candidates));
}

std::vector<TileVariant> matrix_variants(const ProductSize& size, const gpu::DeviceFeatures& device,
                                         bool half) {
  if (!half || gpu::find_shader("kernels/conv_matrix.comp").empty()) return {};
  std::vector<Candidate> candidates;
  for (const auto& tile : kMatrixTiles) {
    for (const uint32_t splits : kSplitChoices) {
      for (const gpu::MatrixShape& shape : device.matrix_shapes) {
        const TileVariant variant{.family = TileVariant::Family::kMatrix,
                                  .rows = tile.rows,
                                  .columns = tile.columns,
                                  .splits = splits,
                                  .shape = shape};
        if (!worth_splitting(ceil_div(size.depth, step_depth(variant)), splits)) continue;
        if (!tile_shape(variant, device)) continue;
        // Among the instructions of a device the larger ones load less for each product.
        const double volume = double(shape.m) * shape.n * shape.k;
        const double rate = kMatrixGain * tile.efficiency * (1 - 64 / volume);
        candidates.push_back({variant, cost_of(size, tile.rows, tile.columns, splits, rate)});
      }
    }
  }
  return best_of(std::move(candidates));
}

bool halves_hold(std::span<const float> weights) {
  float most = 0;
  for (const float w : weights) most = std::max(most, std::fabs(w));
  return most <= 65504.0F && most >= 1.0F / 256;
}

std::string tile_shader(std::string_view op, const TileVariant& variant) {
  switch (variant.family) {
    case TileVariant::Family::kMatrix:
      return fmt::format("kernels/{}_matrix.comp", op);
    case TileVariant::Family::kEmulated:
      return fmt::format("test/{}_matrix_emulated.comp", op);
    case TileVariant::Family::kTiled:
      break;
  }
  return fmt::format("kernels/{}_tiled{}.comp", op, variant.bytes ? "_bytes" : variant.half ? "_half" : "");
}

TileVariant plain_tiles(const TileVariant& variant) {
  return {.rows = 64, .columns = 64, .splits = variant.splits};
}

uint32_t most_parts(const TileVariant& variant, int64_t depth) {
  if (variant.matrix() || variant.bytes) return variant.splits;
  return split_steps(ceil_div(depth, step_depth(variant)), variant.splits).parts;
}

Split split_steps(int64_t steps, uint32_t wanted_parts) {
  Split split;
  split.per_part = uint32_t(ceil_div(std::max<int64_t>(steps, 1), wanted_parts));
  split.parts = uint32_t(ceil_div(std::max<int64_t>(steps, 1), split.per_part));
  return split;
}

}  // namespace tarsier::kernels
