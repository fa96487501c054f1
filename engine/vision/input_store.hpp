// How a network's input of three channels lies in memory, as shaders that write one take it
// (shaders/include/network_input.glsl).
#pragma once

#include "vision/tensor_ref.hpp"

namespace tarsier::vision {

enum class InputStore : uint32_t {
  kPlanarF32 = 0,
  kInterleavedF32 = 1,
  kC4F32 = 2,
  kC4F16 = 3,
  kPlanarF16 = 4,
  kInterleavedF16 = 5
};

inline InputStore input_store(const TensorRef& tensor) {
  if (tensor.layout == TensorLayout::kC4) return tensor.fp16 ? InputStore::kC4F16 : InputStore::kC4F32;
  if (tensor.channels_last) return tensor.fp16 ? InputStore::kInterleavedF16 : InputStore::kInterleavedF32;
  return tensor.fp16 ? InputStore::kPlanarF16 : InputStore::kPlanarF32;
}

/// Whether an invocation makes a word of two elements in place of a pixel.
inline bool makes_words(InputStore store) {
  return store == InputStore::kPlanarF16 || store == InputStore::kInterleavedF16;
}

}  // namespace tarsier::vision
