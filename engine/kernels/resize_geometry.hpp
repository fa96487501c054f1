// What a Resize node asks for: which source elements make each output element of an axis.
#pragma once

#include "kernels/operator.hpp"

namespace tarsier::kernels {

/// One axis. The output at o is the sum over k of weight[o * taps + k] * in[index[o * taps + k]]; where
/// `outside[o]` it is the extrapolation value instead.
struct ResizeAxis {
  int64_t in = 0, out = 0;
  size_t taps = 1;  // of every output, the same number
  std::vector<int32_t> index;
  std::vector<float> weight;
  std::vector<bool> outside;
  /// Output o is input o.
  [[nodiscard]] bool identity() const;
  [[nodiscard]] bool has_outside() const;
};

/// The output's shape. Errors: scales and sizes missing, both given or not fitting the rank.
Result<Shape> resize_shape(const OpView& view);
/// One entry for each axis of the input, by every mode of ONNX's operator (opset 11 to 19).
Result<std::vector<ResizeAxis>> resize_axes(const OpView& view);

}  // namespace tarsier::kernels
