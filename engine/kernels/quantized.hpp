// What the quantised operators share: how a real number becomes an integer of few bits.
#pragma once

#include "kernels/operator.hpp"

namespace tarsier::kernels {

using QuantizedRange = graph::IntegerRange;
/// Of the element types that ONNX quantises to. kI32 stands for uint16, which is imported as int32; nothing
/// is quantised to 32 bits.
[[nodiscard]] QuantizedRange quantized_range(DType type);
/// saturate(round_half_even(x) + zero_point).
[[nodiscard]] int64_t quantized(float x, int64_t zero_point, QuantizedRange range);

}  // namespace tarsier::kernels
