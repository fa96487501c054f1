// From a depth network's output to how near each pixel is, 0..1 of what the frame shows.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu/command_list.hpp"
#include "vision/tensor_ref.hpp"

namespace tarsier::gpu {
class Device;
}

namespace tarsier::vision {

enum class DepthKind : uint8_t {
  kInverse,  // larger is nearer, up to scale and shift (MiDaS and what came after it)
  kDepth     // larger is further, above 0: its reciprocal is taken
};

/// Networks for one camera know depth up to scale and shift alone, which differ from frame to frame. So what
/// is near is told within the frame: nearness is linear in inverse depth, 0 at the 2nd percentile and 1 at
/// the 98th, and these follow the frames slowly.
class DepthMap {
 public:
  /// `source`: [1,1,H,W], [1,H,W,1] or [1,H,W]. Errors: another shape.
  static Result<DepthMap> create(gpu::Device& device, DepthKind kind, const TensorRef& source);
  /// Starts by waiting for compute (the network's outputs, earlier readers) and ends by making the bytes
  /// visible to compute. `follow`: how much of this frame's own percentiles is taken, 0..1; 1 in the first.
  void record(gpu::CommandList& commands, float follow);
  /// A byte a pixel, rows packed: 255 is nearest.
  [[nodiscard]] const gpu::Buffer& bytes() const { return bytes_; }
  [[nodiscard]] int width() const { return view_.width; }
  [[nodiscard]] int height() const { return view_.height; }

 private:
  ChannelView view_;
  const gpu::ComputePipeline *range_ = nullptr, *map_ = nullptr;
  gpu::Buffer bytes_;
  gpu::Buffer range_of_;  // two floats: inverse depth at the percentiles
};

/// CPU reference of a first frame: the bytes, row-major.
std::vector<uint8_t> depth_map_reference(DepthKind kind, const HostTensor& source);

}  // namespace tarsier::vision
