// A network input or output as the vision passes see it: an address and the rule that finds an element there.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "core/result.hpp"

namespace tarsier::vision {

/// How a tensor lies in device memory; the same two that the compiler assigns (graph::Layout).
enum class TensorLayout : uint8_t {
  kLinear,  // row-major in its logical shape
  kC4       // [1][ceil(C/4)][H][W][4] of a logical [1,C,H,W]; padding channels hold zero
};

/// A device tensor of batch 1. The pipeline fills it from a plan's binding; vision knows no graphs.
struct TensorRef {
  uint64_t address = 0;  // device address, 16-byte aligned
  TensorLayout layout = TensorLayout::kLinear;
  bool fp16 = false;           // elements are IEEE halves, else floats
  bool channels_last = false;  // rank 4, linear: the shape reads [1,H,W,C]; else [1,C,H,W]
  std::array<int, 4> shape{};  // logical extents, outermost first; entries past `rank` are not used
  int rank = 0;                // 3 or 4
  /// Fails (kRuntime) unless rank is 3 or 4, extents are positive, the batch is 1 and C4 has rank 4, channels
  /// second.
  static Result<TensorRef> of(uint64_t address, std::span<const int64_t> shape, TensorLayout layout,
                              bool fp16, bool channels_last);
};
[[nodiscard]] std::string to_string(const TensorRef& tensor);  // "[1,84,8400] linear fp32"

/// Of a ChannelView, in elements, as shaders take them.
struct ViewStrides {
  uint32_t group, channel, pixel;
};

/// A tensor as channels x pixels, which is all that decoders ask of it:
/// element(c, p) = (c / 4) * group_stride + (c % 4) * channel_stride + p * pixel_stride, p = y * width + x.
struct ChannelView {
  uint64_t address = 0;
  uint32_t group_stride = 0, channel_stride = 0, pixel_stride = 0;  // elements
  int channels = 0, width = 0, height = 0;
  bool fp16 = false;
  [[nodiscard]] int pixels() const { return width * height; }
  [[nodiscard]] ViewStrides strides() const { return {group_stride, channel_stride, pixel_stride}; }
  /// Elements that the view spans, padding channels included.
  [[nodiscard]] uint64_t elements() const;
  [[nodiscard]] size_t element(int channel, int pixel) const {
    return size_t(channel / 4) * group_stride + size_t(channel % 4) * channel_stride +
           size_t(pixel) * pixel_stride;
  }
};

/// Rank 4: an image. Fails for rank 3.
Result<ChannelView> image_view(const TensorRef& tensor);
/// Rank 3 as a list of items with attributes: [1,N,A] (channels_last) or [1,A,N]. Width is N, height 1.
Result<ChannelView> list_view(const TensorRef& tensor, bool attributes_last);

/// A tensor on the host, row-major in its logical shape: what the CPU references read.
struct HostTensor {
  std::span<const float> data;
  std::array<int, 4> shape{};
  int rank = 0;
  bool channels_last = false;
  /// The TensorRef that describes `data` (address 0): references share the views of the device path.
  [[nodiscard]] TensorRef ref() const;
};

}  // namespace tarsier::vision
