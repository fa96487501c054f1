#include "kernels/tiles.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "core/text.hpp"

namespace tarsier::kernels {
namespace {

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

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

// Guesses of what a GPU is like, in products; the tuner measures. Workgroups that it holds at once, ...
constexpr double kSlots = 160;
// ... what packed fp16 gains, what writing and reading back a partial sum costs, and one more dispatch.
constexpr double kHalfGain = 1.6, kPartialCost = 160, kDispatchCost = 2e7;

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

constexpr uint32_t kSplitChoices[] = {1, 2, 4, 8, 16};

/// A part of k shorter than this spends its time on filling and emptying.
bool worth_splitting(int64_t steps, uint32_t splits) {
  return splits == 1 || steps / splits >= 4;
}

}  // namespace

std::string TileVariant::name() const {
  std::string text = fmt::format("{}.{}x{}", family == Family::kTiled ? "tiled" : "matrix", rows, columns);
  if (family == Family::kMatrix) text += fmt::format(".{}x{}x{}", shape.m, shape.n, shape.k);
  if (half) text += ".half";
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
      if (part != "tiled" && part != "matrix") return std::nullopt;
      out.family = part == "tiled" ? Family::kTiled : Family::kMatrix;
    } else if (part == "half" && out.family == Family::kTiled && index > 1) {
      out.half = true;
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
      } else if (index == 2 && extents->size() == 3 && out.family == Family::kMatrix) {
        out.shape = {(*extents)[0], (*extents)[1], (*extents)[2]};
      } else {
        return std::nullopt;
      }
    }
  }
  // Only the one spelling: names are keys.
  return out.name() == name ? std::optional(out) : std::nullopt;
}

uint32_t TileShape::shared_bytes(bool half) const {
  return 2 * uint32_t(kTileDepth) * (rows + columns) * (half ? 2 : 4);
}

std::vector<uint32_t> TileShape::constants() const {
  return {threads, rows, columns, thread_rows, thread_columns4};
}

std::optional<TileShape> tile_shape(const TileVariant& variant) {
  for (const auto& [shape, efficiency] : kShapes) {
    if (variant.family == TileVariant::Family::kTiled && shape.rows == variant.rows &&
        shape.columns == variant.columns) {
      return shape;
    }
  }
  return std::nullopt;
}

std::vector<TileVariant> tiled_variants(const ProductSize& size, const gpu::DeviceFeatures& device,
                                        bool half) {
  std::vector<Candidate> candidates;
  const int64_t steps = ceil_div(size.depth, kTileDepth);
  for (const auto& [shape, efficiency] : kShapes) {
    for (const uint32_t splits : kSplitChoices) {
      if (!worth_splitting(steps, splits)) continue;
      for (const bool as_half : {false, true}) {
        if (as_half && !(half && device.shader_float16)) continue;
        if (shape.shared_bytes(as_half) > device.max_shared_bytes) continue;
        const TileVariant variant{
            .rows = shape.rows, .columns = shape.columns, .splits = splits, .half = as_half};
        const double rate = efficiency * (as_half ? kHalfGain : 1.0);
        candidates.push_back({variant, cost_of(size, shape.rows, shape.columns, splits, rate)});
      }
    }
  }
  return best_of(std::move(candidates));
}

Split split_steps(int64_t steps, uint32_t wanted_parts) {
  Split split;
  split.per_part = uint32_t(ceil_div(std::max<int64_t>(steps, 1), wanted_parts));
  split.parts = uint32_t(ceil_div(std::max<int64_t>(steps, 1), split.per_part));
  return split;
}

}  // namespace tarsier::kernels
