// Segmentation outputs to masks that a renderer can draw.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu/command_list.hpp"
#include "vision/tensor_ref.hpp"

namespace tarsier::gpu {
class Device;
}

namespace tarsier::vision {

enum class MaskKind : uint8_t {
  kTwoLogits,   // channels "not" and "is", before softmax: inside where is - not > logit(threshold)
  kProbability  // one channel in 0..1: inside where it is above the threshold
};

/// A mask at the network's resolution, one byte a pixel, row-major without padding. A byte of 128 or more is
/// inside; the distance from there follows the network's certainty (sigmoid of the logits' difference, or the
/// probability), so that bilinear enlargement gives a soft edge in the right place.
class MaskPass {
 public:
  /// `source`: 2 channels (kTwoLogits; argmax at threshold 0.5) or 1 (kProbability), any layout of rank 4.
  /// One mask buffer a slot.
  static Result<MaskPass> create(gpu::Device& device, MaskKind kind, const TensorRef& source, uint32_t slots);
  /// Starts by waiting for compute writes (the network's outputs) and ends by making mask(slot) visible to
  /// compute, graphics and transfers. `threshold` in 0..1 may change every frame.
  void record(gpu::CommandList& commands, uint32_t slot, float threshold = 0.5F) const;
  [[nodiscard]] const gpu::Buffer& mask(uint32_t slot) const { return masks_[slot]; }
  [[nodiscard]] int width() const { return view_.width; }
  [[nodiscard]] int height() const { return view_.height; }

 private:
  MaskKind kind_ = MaskKind::kTwoLogits;
  ChannelView view_;
  const gpu::ComputePipeline* pipeline_ = nullptr;
  std::vector<gpu::Buffer> masks_;
};

/// CPU reference: the mask's bytes, row-major. Fails as MaskPass::create does.
Result<std::vector<uint8_t>> mask_reference(MaskKind kind, const HostTensor& source, float threshold = 0.5F);

}  // namespace tarsier::vision
