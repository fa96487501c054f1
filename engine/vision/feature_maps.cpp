#include "vision/feature_maps.hpp"

#include <algorithm>
#include <cmath>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

using Element = FeatureTensor::Element;

constexpr uint32_t kGroup = 64;      // local size of feature_tiles.comp
constexpr uint32_t kAcross = 32768;  // workgroups of a row of the grid
constexpr uint32_t kMagenta = 0xFFFF00FF;

struct Push {
  uint64_t tensor, ranges, texels;
  uint32_t item, group, channel, pixel, channels, folded, pixels, width;
  uint32_t tiles, first, tile_width, tile_height, reduce_x, reduce_y, range;
};

/// Push::range beside the number of a tile, that of all.
constexpr uint32_t kOwnRange = UINT32_MAX;

gpu::Extent3 grid(uint32_t groups) {
  return {std::min(groups, kAcross), gpu::groups_for(groups, kAcross), 1};
}

uint32_t groups_of(uint32_t extent, uint32_t size) {
  return gpu::groups_for(extent, size);
}

Push push_of(const FeatureView& view, uint64_t ranges) {
  Push push{};
  push.tensor = view.address;
  push.ranges = ranges;
  push.item = view.item_stride;
  push.group = view.group_stride;
  push.channel = view.channel_stride;
  push.pixel = view.pixel_stride;
  push.channels = view.channels;
  push.folded = view.folded ? 1 : 0;
  push.pixels = view.pixels;
  push.width = view.width;
  return push;
}

/// Rows of a square.
void fold(FeatureView& view) {
  view.width = uint32_t(std::ceil(std::sqrt(double(view.pixels))));
  view.height = groups_of(view.pixels, view.width);
}

void add(ValueRange& range, float value) {
  if (!std::isfinite(value)) return;
  range.least = range.finite == 0 ? value : std::min(range.least, value);
  range.largest = range.finite == 0 ? value : std::max(range.largest, value);
  range.sum += value;
  ++range.finite;
}

using Stops = std::array<std::array<float, 3>, 6>;
// As in colour_map.glsl; B, G, R.
constexpr Stops kSequential{
    {{58, 10, 20}, {122, 18, 88}, {118, 52, 178}, {82, 104, 240}, {70, 184, 252}, {186, 248, 252}}};
constexpr Stops kBelow{{{34, 30, 30}, {147, 89, 38}, {231, 156, 83}, {255, 228, 188}}};
constexpr Stops kAbove{{{34, 30, 30}, {20, 67, 135}, {61, 127, 215}, {176, 214, 254}}};

uint32_t colour_between(const Stops& stops, int steps, float value) {
  const float place = std::clamp(value, 0.0F, 1.0F) * float(steps);
  uint32_t packed = 0xFF000000;
  for (size_t c = 0; c < 3; ++c) {
    float colour = stops[0][c];
    for (int i = 0; i < steps; ++i)
      colour += (stops[size_t(i) + 1][c] - stops[size_t(i)][c]) * std::clamp(place - float(i), 0.0F, 1.0F);
    packed |= uint32_t(std::lround(colour)) << (8 * (2 - c));
  }
  return packed;
}

}  // namespace

uint32_t value_colour(float value, const ValueRange& range) {
  if (range.least < 0 && range.largest > 0) {
    const float part = value / std::max(-range.least, range.largest);
    return colour_between(part < 0 ? kBelow : kAbove, 3, std::abs(part));
  }
  const float width = range.largest - range.least;
  return colour_between(kSequential, 5, width > 0 ? (value - range.least) / width : 0);
}

Result<FeatureView> feature_view(const FeatureTensor& tensor) {
  const auto& shape = tensor.shape;
  uint64_t elements = 1;
  for (const int64_t extent : shape) {
    if (extent < 1) return runtime_error("this layer has no values");
    elements *= uint64_t(extent);
    if (elements >> 31U != 0) return runtime_error("this layer has more than 2^31 values");
  }
  const size_t rank = shape.size();
  const auto extent = [&](size_t from_end) {
    return from_end > rank ? 1U : uint32_t(shape[rank - from_end]);
  };
  FeatureView view;
  view.address = tensor.address;
  view.element = tensor.element;
  view.height = extent(2);
  view.width = extent(1);
  view.tiles = uint32_t(elements) / (view.width * view.height);
  view.pixels = view.width * view.height;
  if (tensor.layout == TensorLayout::kC4) {
    view.channels = extent(3);
    view.group_stride = 4 * view.pixels;
    view.channel_stride = 1;
    view.pixel_stride = 4;
    view.item_stride = groups_of(view.channels, 4) * view.group_stride;
    view.folded = view.pixels == 1;
  } else if (tensor.channels_last) {
    view.channels = extent(1);
    view.width = extent(2);
    view.height = extent(3);
    view.pixels = view.width * view.height;
    view.tiles = uint32_t(elements) / view.pixels;
    view.group_stride = 4;
    view.channel_stride = 1;
    view.pixel_stride = view.channels;
    view.item_stride = view.pixels * view.channels;
    view.folded = view.pixels == 1;
  } else {
    if (rank >= 4 && view.pixels == 1) {  // channels of one pixel each
      view.pixels = extent(3);
      view.tiles /= view.pixels;
    }
    view.item_stride = view.pixels;
    view.pixel_stride = 1;
  }
  if (view.folded) {
    view.pixels = view.channels;
    view.tiles /= view.channels;
  }
  if (view.folded || view.width == 1 || view.height == 1) fold(view);
  return view;
}

TileShape tile_shape(const FeatureView& view, uint32_t tiles, uint32_t most_side) {
  // Once as even as it need be, both sides shrink alike.
  const uint32_t x = std::max(1U, groups_of(view.width, 4 * view.height)),
                 y = std::max(1U, groups_of(view.height, 4 * view.width));
  TileShape shape;
  for (uint32_t step = 1;; ++step) {
    shape.reduce_x = x * step;
    shape.reduce_y = y * step;
    shape.width = groups_of(view.width, shape.reduce_x);
    shape.height = groups_of(view.height, shape.reduce_y);
    const bool small = std::max(shape.width, shape.height) <= most_side;
    if (small && uint64_t(shape.texels()) * tiles <= FeatureMaps::kMostTexels) return shape;
  }
}

Result<FeatureMaps> FeatureMaps::create(gpu::Device& device, uint32_t slots) {
  FeatureMaps maps;
  for (uint32_t element = 0; element < maps.pipelines_.size(); ++element) {
    Pipelines& made = maps.pipelines_[element];
    TARSIER_TRY(made.ranges, device.pipelines().get({"vision/feature_ranges.comp", {element}}));
    TARSIER_TRY(made.draw, device.pipelines().get({"vision/feature_tiles.comp", {element}}));
  }
  TARSIER_TRY(maps.total_, device.pipelines().get({"vision/feature_total.comp", {}}));
  TARSIER_TRY(maps.texels_,
              device.create_buffer({.size = uint64_t{2} * kMostTexels * 4, .name = "feature maps"}));
  constexpr uint64_t kRanges = (uint64_t{kMostTiles} + 1) * sizeof(ValueRange);
  TARSIER_TRY(maps.ranges_, device.create_buffer({.size = kRanges, .name = "value ranges"}));
  for (uint32_t slot = 0; slot < slots; ++slot) {
    TARSIER_TRY(auto buffer,
                device.create_buffer(
                    {.size = kRanges, .memory = gpu::Memory::kReadback, .name = "value ranges on the host"}));
    maps.readback_.push_back(std::move(buffer));
  }
  return maps;
}

FeatureMaps::Shown FeatureMaps::shown(const FeatureView& view, const Options& options) {
  Shown out;
  out.tiles = std::min(view.tiles, kMostTiles);
  out.tile = tile_shape(view, out.tiles, kTileSide);
  out.large = tile_shape(view, 1, kLargeSide);
  if (options.chosen && *options.chosen < out.tiles) out.chosen = options.chosen;
  return out;
}

void FeatureMaps::record(gpu::CommandList& commands, const FeatureView& view, const Options& options) const {
  const Shown made = shown(view, options);
  const Pipelines& pipelines = pipelines_[size_t(view.element)];
  Push push = push_of(view, ranges_.address());
  push.tiles = made.tiles;
  commands.dispatch(*pipelines.ranges, push, grid(made.tiles));
  commands.barrier();
  commands.dispatch(*total_, push, {1, 1, 1});
  commands.barrier();
  const auto draw = [&](const TileShape& shape, uint32_t first, uint32_t tiles, uint64_t texels,
                        uint32_t range) {
    push.texels = texels;
    push.first = first;
    push.tiles = tiles;
    push.tile_width = shape.width;
    push.tile_height = shape.height;
    push.reduce_x = shape.reduce_x;
    push.reduce_y = shape.reduce_y;
    push.range = range;
    commands.dispatch(*pipelines.draw, push, grid(groups_of(tiles * shape.texels(), kGroup)));
  };
  draw(made.tile, 0, made.tiles, tiles(), options.own_ranges ? kOwnRange : made.tiles);
  if (made.chosen) draw(made.large, *made.chosen, 1, large(), kOwnRange);
  commands.barrier(gpu::Scope::kCompute, gpu::Scope::kCompute | gpu::Scope::kTransfer);
}

void FeatureMaps::read_back(gpu::CommandList& commands, uint32_t slot, uint32_t tiles) const {
  commands.read_back(ranges_, 0, readback_[slot], 0, (uint64_t{tiles} + 1) * sizeof(ValueRange));
}

std::span<const ValueRange> FeatureMaps::ranges(uint32_t slot, uint32_t tiles) const {
  return {static_cast<const ValueRange*>(readback_[slot].mapped()), size_t{tiles} + 1};
}

std::vector<ValueRange> value_ranges_reference(const FeatureView& view, std::span<const float> data) {
  std::vector<ValueRange> ranges(view.tiles + 1);
  for (uint32_t tile = 0; tile < view.tiles; ++tile) {
    for (uint32_t pixel = 0; pixel < view.pixels; ++pixel) {
      const float value = data[view.element_of(tile, pixel)];
      add(ranges[tile], value);
      add(ranges.back(), value);
    }
  }
  return ranges;
}

std::vector<uint32_t> tiles_reference(const FeatureView& view, std::span<const float> data,
                                      std::span<const ValueRange> ranges, const TileShape& shape,
                                      uint32_t first, uint32_t tiles, bool own_ranges) {
  std::vector<uint32_t> texels;
  for (uint32_t tile = first; tile < first + tiles; ++tile) {
    for (uint32_t i = 0; i < shape.texels(); ++i) {
      const uint32_t x0 = i % shape.width * shape.reduce_x, y0 = i / shape.width * shape.reduce_y;
      float sum = 0;
      uint32_t count = 0;
      bool finite = true;
      for (uint32_t y = y0; y < std::min(y0 + shape.reduce_y, view.height); ++y) {
        for (uint32_t x = x0; x < std::min(x0 + shape.reduce_x, view.width); ++x) {
          const uint32_t pixel = y * view.width + x;
          if (pixel >= view.pixels) continue;
          const float value = data[view.element_of(tile, pixel)];
          finite = finite && std::isfinite(value);
          sum += value;
          ++count;
        }
      }
      texels.push_back(count == 0 ? 0
                       : !finite
                           ? kMagenta
                           : value_colour(sum / float(count), own_ranges ? ranges[tile] : ranges.back()));
    }
  }
  return texels;
}

}  // namespace tarsier::vision
