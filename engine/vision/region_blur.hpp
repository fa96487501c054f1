// Makes parts of a picture unrecognisable, on the device.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "gpu/frame_context.hpp"
#include "vision/class_mask.hpp"
#include "vision/types.hpp"

namespace tarsier::gpu {
class ComputePipeline;
}

namespace tarsier::vision {

/// May change every frame.
struct BlurParams {
  ClassMask whole{};    // boxes of these classes are blurred
  ClassMask heads{};    // of these the upper parts are, where a person's head is
  float cell = 0.125F;  // in parts of a box's longer side: what is smaller cannot be told any more
  float margin = 0.1F;  // around a box, in parts of its longer side
};

/// B, G, R, A bytes, rows packed.
struct BlurPicture {
  const gpu::Buffer* buffer = nullptr;
  uint64_t offset = 0;  // multiple of 4
  uint32_t width = 0, height = 0;
};

/// Each box becomes a mosaic whose cells are in proportion to it (averages, so that what was finer is gone
/// and not merely hidden), spread smoothly. Where boxes overlap the coarser one counts. The box and half of
/// the margin are blurred in full, in its outer half the blur fades, and every pixel beyond is that of the
/// picture, bit for bit.
class RegionBlur {
 public:
  static Result<RegionBlur> create(gpu::Device& device);
  /// Records the blurred copy of a picture: of the boxes in `found` (a DetectionHeader and Detections on the
  /// device, in pixels of the picture) and of those in `added` from the host (the first kMaxDetections).
  /// Waits for earlier compute and copies; ends by making the copy visible to compute, transfers and
  /// graphics. The copy lives until the next call. Steady state allocates nothing; a picture of another size
  /// does.
  Result<const gpu::Buffer*> record(gpu::FrameContext& frame, const BlurPicture& picture,
                                    const gpu::Buffer& found, std::span<const Detection> added,
                                    const BlurParams& params);

 private:
  /// What is bound to the picture's size.
  struct Sized;
  Result<std::shared_ptr<Sized>> make_sized(uint32_t width, uint32_t height) const;

  gpu::Device* device_ = nullptr;
  const gpu::ComputePipeline* regions_ = nullptr;
  const gpu::ComputePipeline* levels_ = nullptr;
  const gpu::ComputePipeline* nodes_ = nullptr;
  // For any picture, and for one whose rows are whole vectors of four pixels.
  std::array<const gpu::ComputePipeline*, 2> cells_{}, draw_{};
  std::shared_ptr<Sized> sized_;
};

}  // namespace tarsier::vision
