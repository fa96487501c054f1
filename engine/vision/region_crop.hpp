// A turned square of the frame as a network's input, in one compute pass; the square is known to the device
// alone.
#pragma once

#include <span>
#include <vector>

#include "vision/preprocess.hpp"
#include "vision/region.hpp"

namespace tarsier::vision {

/// Bilinear; what lies outside of the frame is black, as where MediaPipe crops for its landmark networks. An
/// invalid region gives a black input.
class RegionCrop {
 public:
  /// `destination` is the network's input, as Preprocess takes it. Of `desc`, colour order, mean and scale
  /// count.
  static Result<RegionCrop> create(gpu::Device& device, const PreprocessDesc& desc,
                                   const TensorRef& destination);
  /// Records one dispatch, no barrier: the region must be visible to compute, and the frame as for
  /// Preprocess.
  void record(gpu::CommandList& commands, uint64_t frame_address, int frame_width, int frame_height,
              uint64_t region_address) const;
  [[nodiscard]] int width() const { return input_.view.width; }
  [[nodiscard]] int height() const { return input_.view.height; }

 private:
  PreprocessDesc desc_;
  NetworkInput input_;
};

/// CPU reference of the pass: the network's input, row-major in [1,3,H,W] (or [1,H,W,3]), from packed BGRA
/// pixels.
std::vector<float> region_crop_reference(const PreprocessDesc& desc, std::span<const uint32_t> frame,
                                         int frame_width, int frame_height, const Region& region,
                                         int input_width, int input_height, bool channels_last);

}  // namespace tarsier::vision
