// How a value lies in device memory, and the conversion of host tensors to and from that.
//   kLinear: 32-bit words in row-major order; integers and booleans as int32, real types as fp32.
//   kC4:     [N][ceil(C/4)][H][W][4] of fp32 or fp16; padding channels hold zero.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::infer {

[[nodiscard]] bool is_real(graph::DType type);
/// Bytes of a value under its layout and storage. The shape must be static.
[[nodiscard]] uint64_t device_bytes(const graph::Value& value);
[[nodiscard]] uint64_t device_bytes(const graph::Shape& shape, graph::Layout layout, graph::DType storage);
/// Any element type of the tensor is converted to `storage`.
[[nodiscard]] std::vector<std::byte> to_device(const graph::Tensor& tensor, graph::Layout layout,
                                               graph::DType storage);
/// `bytes` holds device_bytes(desc.shape, layout, storage).
[[nodiscard]] graph::Tensor from_device(std::span<const std::byte> bytes, const graph::TensorDesc& desc,
                                        graph::Layout layout, graph::DType storage);

}  // namespace tarsier::infer
