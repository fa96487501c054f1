// A layer's output as pictures: each channel a tile in false colours, with the range of its values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gpu/command_list.hpp"
#include "vision/tensor_ref.hpp"

namespace tarsier::gpu {
class Device;
}

namespace tarsier::vision {

/// A device tensor of any rank and batch.
struct FeatureTensor {
  enum class Element : uint8_t { kFloat, kHalf, kInt };
  uint64_t address = 0;
  std::vector<int64_t> shape;
  TensorLayout layout = TensorLayout::kLinear;  // kC4: rank 4
  Element element = Element::kFloat;            // kInt: 32 bits
  bool channels_last = false;                   // rank 4, linear: [N,H,W,C]
};

/// A tensor as tiles of pixels: the channels of feature maps, the heads of an attention matrix, one tile for
/// a sequence, its tokens in rows. What has one row or one column, and what has channels of one pixel each,
/// is a vector: it is folded into rows of a square.
struct FeatureView {
  uint64_t address = 0;
  // In elements. Element (tile, pixel) is that of channel tile % channels of item tile / channels; where
  // `folded`, of channel `pixel` of item `tile`.
  uint32_t item_stride = 0, group_stride = 0, channel_stride = 0, pixel_stride = 0;
  uint32_t channels = 1;  // of an item
  bool folded = false;
  uint32_t tiles = 0, pixels = 0;  // of the tensor, of a tile
  uint32_t width = 0, height = 0;  // of a tile; the last row of what was folded may have fewer pixels
  FeatureTensor::Element element = FeatureTensor::Element::kFloat;
  [[nodiscard]] size_t element_of(uint32_t tile, uint32_t pixel) const {
    const uint32_t item = folded ? tile : tile / channels, channel = folded ? pixel : tile % channels;
    return size_t(item) * item_stride + size_t(channel / 4) * group_stride +
           size_t(channel % 4) * channel_stride + size_t(folded ? 0 : pixel) * pixel_stride;
  }
};
/// Errors (kRuntime): a tensor without values, or of more than 2^31.
Result<FeatureView> feature_view(const FeatureTensor& tensor);

/// Tiles as they lie in memory, one behind the other: texels of R, G, B, A bytes in packed rows. A texel is
/// the mean of reduce_x x reduce_y pixels, magenta where one of them is no finite number; alpha is 0 where
/// there is none.
struct TileShape {
  uint32_t width = 0, height = 0, reduce_x = 1, reduce_y = 1;
  [[nodiscard]] uint32_t texels() const { return width * height; }
};
/// So many tiles: neither side longer than `most_side` nor more than four times the other, and no more than
/// kMostTexels in all.
TileShape tile_shape(const FeatureView& view, uint32_t tiles, uint32_t most_side);

/// Of the finite values of a tile, or of all.
struct ValueRange {
  float least = 0, largest = 0;  // 0 where there are none
  float sum = 0;
  uint32_t finite = 0;  // how many
  [[nodiscard]] float mean() const { return finite == 0 ? 0 : sum / float(finite); }
};
static_assert(sizeof(ValueRange) == 16);

class FeatureMaps {
 public:
  static constexpr uint32_t kMostTiles = 16384;         // of a tensor; others are left out
  static constexpr uint32_t kMostTexels = 1024 * 1024;  // of all tiles, and of the large one
  static constexpr uint32_t kTileSide = 160, kLargeSide = 1024;

  /// What record() makes of a view.
  struct Shown {
    uint32_t tiles = 0;
    TileShape tile, large;
    std::optional<uint32_t> chosen;  // the large one
  };
  struct Options {
    std::optional<uint32_t> chosen = {};  // this tile is drawn large, too, by its own range
    bool own_ranges = false;              // colours of each tile go by its own range, not by that of all
  };

  static Result<FeatureMaps> create(gpu::Device& device, uint32_t slots);
  static Shown shown(const FeatureView& view, const Options& options);
  /// Colours go from the least value to the largest one; where they have both signs, from dark at 0 to the
  /// larger magnitude on both sides. The tensor is visible to compute, and so is what is drawn at the end; it
  /// is the caller's to wait for earlier readers.
  void record(gpu::CommandList& commands, const FeatureView& view, const Options& options) const;
  /// Asks for the ranges of this many tiles, and behind them that of all: in ranges() when the frame is done.
  void read_back(gpu::CommandList& commands, uint32_t slot, uint32_t tiles) const;
  [[nodiscard]] std::span<const ValueRange> ranges(uint32_t slot, uint32_t tiles) const;
  /// Device addresses of the texels.
  [[nodiscard]] uint64_t tiles() const { return texels_.address(); }
  [[nodiscard]] uint64_t large() const { return texels_.address() + uint64_t{kMostTexels} * 4; }
  [[nodiscard]] const gpu::Buffer& texels() const { return texels_; }

 private:
  struct Pipelines {
    const gpu::ComputePipeline *ranges = nullptr, *draw = nullptr;
  };
  std::array<Pipelines, 3> pipelines_;  // by FeatureTensor::Element
  const gpu::ComputePipeline* total_ = nullptr;
  gpu::Buffer texels_;  // of all tiles, then of the large one
  gpu::Buffer ranges_;  // of all tiles, then of the tensor
  std::vector<gpu::Buffer> readback_;
};

/// Its colour where colours go by this range: R, G, B, A bytes, R first.
uint32_t value_colour(float value, const ValueRange& range);

/// CPU references; `data`: the tensor's elements as they lie in a linear one.
std::vector<ValueRange> value_ranges_reference(const FeatureView& view, std::span<const float> data);
/// Texels of tiles from `first` on. `ranges` as value_ranges_reference() gives them.
std::vector<uint32_t> tiles_reference(const FeatureView& view, std::span<const float> data,
                                      std::span<const ValueRange> ranges, const TileShape& shape,
                                      uint32_t first, uint32_t tiles, bool own_ranges);

}  // namespace tarsier::vision
