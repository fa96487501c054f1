#include "vision/network_input.hpp"

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

InputStore store_of(const TensorRef& tensor) {
  if (tensor.layout == TensorLayout::kC4) return tensor.fp16 ? InputStore::kC4F16 : InputStore::kC4F32;
  if (tensor.channels_last) return tensor.fp16 ? InputStore::kInterleavedF16 : InputStore::kInterleavedF32;
  return tensor.fp16 ? InputStore::kPlanarF16 : InputStore::kPlanarF32;
}

}  // namespace

Result<NetworkInput> NetworkInput::create(gpu::Device& device, const char* shader, bool rgb,
                                          const TensorRef& destination) {
  NetworkInput input;
  TARSIER_TRY(input.view, image_view(destination));
  if (input.view.channels != 3) {
    return runtime_error("a frame fills 3 channels, the network's input {} has {}", to_string(destination),
                         input.view.channels);
  }
  input.store = store_of(destination);
  TARSIER_TRY(input.pipeline, device.pipelines().get({shader, {uint32_t(input.store), rgb ? 1U : 0U}}));
  return input;
}

}  // namespace tarsier::vision
