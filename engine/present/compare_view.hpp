// Two scenes of the same frame in one picture: wiped, side by side, or their difference.
#pragma once

#include <cstdint>
#include <memory>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "present/scene_renderer.hpp"

namespace tarsier::present {

/// As in shaders/present/compare.frag.
enum class CompareLook : uint32_t {
  kWipe,       // the first left of the edge, the second right of it
  kSide,       // beside each other, in a picture twice as wide
  kDifference  // what differs, over a dim picture
};

class CompareView {
 public:
  explicit CompareView(gpu::Device& device) : device_(&device) {}
  /// Records the picture of two scenes of one size that were drawn into this frame. `edge`: of the wipe, 0
  /// (left) to 1. Spends one FrameContext span, "compare view".
  Status draw(gpu::FrameContext& frame, const SceneRenderer& first, const SceneRenderer& second,
              CompareLook look, double edge);
  /// As of SceneRenderer, after draw().
  [[nodiscard]] const gpu::Image& image() const { return canvas_->image; }
  [[nodiscard]] uint64_t generation() const { return generation_; }
  /// The scenes that were drawn last are not to be used any more: others come in their place.
  void forget_scenes() { textures_.reset(); }

 private:
  struct Canvas {
    gpu::Image image;
    gpu::RenderTarget target;
  };
  Status prepare(gpu::FrameContext& frame, const SceneRenderer& first, const SceneRenderer& second,
                 CompareLook look);

  gpu::Device* device_;
  std::shared_ptr<Canvas> canvas_;
  gpu::GraphicsPipeline pipeline_;
  std::shared_ptr<gpu::TextureSet> textures_;
  uint64_t first_ = 0, second_ = 0;  // generations of the scenes in textures_
  uint64_t generation_ = 0;
};

}  // namespace tarsier::present
