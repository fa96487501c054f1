// Draws a body or a hand that the device alone knows: bones and joints, left and right in colours of their
// own, a hand's fingers in five shades of them. The vertices are read from the landmarks' own buffer; what
// the network is not sure of fades, and where there is nobody, nothing is drawn.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"

namespace tarsier::present {

enum class SkeletonKind : uint8_t { kBody, kLeftHand, kRightHand };
enum class SkeletonShow : uint8_t { kOff, kPoints, kSkeleton };  // the skeleton has the points on it

struct SkeletonInput {
  const gpu::Buffer* state = nullptr;
  uint64_t offset = 0;  // of a vision::LandmarkState in it
  SkeletonKind kind = SkeletonKind::kBody;
  SkeletonShow show = SkeletonShow::kSkeleton;
  float least_score = 0.3F;
};

class SkeletonLayer {
 public:
  /// For every target of the format of `target`.
  static Result<SkeletonLayer> create(gpu::Device& device, const gpu::RenderTarget& target);
  /// Inside of the render pass. `line`: half the width of a box's line, pixels.
  void draw(gpu::CommandList& commands, std::span<const SkeletonInput> inputs, uint32_t width,
            uint32_t height, float line) const;

 private:
  struct Range {
    uint32_t first = 0, count = 0;
  };
  gpu::GraphicsPipeline pipeline_;
  gpu::Buffer parts_;
  std::array<Range, 3> bones_, joints_;  // by kind
};

}  // namespace tarsier::present
