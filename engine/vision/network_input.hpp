// A network's input of three channels, as the passes that fill one from the frame take it
// (shaders/include/network_input.glsl).
#pragma once

#include "vision/tensor_ref.hpp"

namespace tarsier::gpu {
class ComputePipeline;
class Device;
}  // namespace tarsier::gpu

namespace tarsier::vision {

enum class InputStore : uint32_t {
  kPlanarF32 = 0,
  kInterleavedF32 = 1,
  kC4F32 = 2,
  kC4F16 = 3,
  kPlanarF16 = 4,
  kInterleavedF16 = 5
};

struct NetworkInput {
  ChannelView view;
  InputStore store{};
  /// The pass made for it; the shader's constants are the store and whether channels are in the order RGB.
  const gpu::ComputePipeline* pipeline = nullptr;

  /// Errors: the tensor is no image of three channels.
  static Result<NetworkInput> create(gpu::Device& device, const char* shader, bool rgb,
                                     const TensorRef& destination);
  /// Whether an invocation makes a word of two elements in place of a pixel.
  [[nodiscard]] bool makes_words() const {
    return store == InputStore::kPlanarF16 || store == InputStore::kInterleavedF16;
  }
  /// Invocations that write all of it in words.
  [[nodiscard]] uint64_t words() const { return (3 * uint64_t(view.pixels()) + 1) / 2; }
};

}  // namespace tarsier::vision
