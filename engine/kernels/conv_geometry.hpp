// What the attributes and shapes of Conv and ConvTranspose mean, worked out once for the shape rule, the CPU
// reference and the device kernels.
#pragma once

#include <array>

#include "kernels/operator.hpp"

namespace tarsier::kernels {

/// A convolution of N x C x H x W activations. A 1-D one (rank 3) is seen with H = 1. Pairs are {y, x}.
struct ConvGeometry {
  using Pair = std::array<int64_t, 2>;
  bool transposed = false;
  int64_t rank = 4;  // of the activations: 3 or 4
  int64_t batch = 1;
  int64_t in_channels = 1, out_channels = 1;
  int64_t group = 1;
  Pair in{1, 1}, out{1, 1};  // extents
  Pair kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  Pair pad{0, 0};  // in front; what lies behind follows from `out`

  [[nodiscard]] int64_t in_group() const { return in_channels / group; }
  [[nodiscard]] int64_t out_group() const { return out_channels / group; }
  [[nodiscard]] int64_t taps() const { return kernel[0] * kernel[1]; }
  [[nodiscard]] int64_t in_plane() const { return in[0] * in[1]; }
  [[nodiscard]] int64_t out_plane() const { return out[0] * out[1]; }
  [[nodiscard]] Shape output_shape() const;
  /// One input channel for one output channel.
  [[nodiscard]] bool depthwise() const {
    return !transposed && group == in_channels && group == out_channels && group > 1;
  }
  /// A 1x1 convolution that reads pixel p for pixel p.
  [[nodiscard]] bool pointwise() const {
    return !transposed && taps() == 1 && in == out && stride == Pair{1, 1} && pad == Pair{0, 0};
  }
};

/// Reads a Conv or ConvTranspose node. Errors: ranks other than 3 and 4, extents that contradict each other,
/// a kernel larger than the padded input, attributes out of range.
Result<ConvGeometry> conv_geometry(const OpView& view, bool transposed);

/// The CPU reference of both operators: fp32 direct convolution, one row of outputs at a time. Weights are
/// row-major as in ONNX: [Cout][Cin/group][kh][kw], or [Cin][Cout/group][kh][kw] for a transposed one. An
/// empty `bias` is zero.
std::vector<float> convolve(const ConvGeometry& g, const std::vector<float>& input,
                            const std::vector<float>& weights, const std::vector<float>& bias);

/// Writes a 1-D convolution out as a 2-D one over images of one row.
Status write_conv_with_unit_axis(graph::NodeBuilder& builder);
/// Writes a convolution over three or more axes out as one over an axis less: see conv_axes.cpp.
Status write_conv_over_batch(graph::NodeBuilder& builder, bool transposed);

}  // namespace tarsier::kernels
