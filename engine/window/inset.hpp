// A small picture of the host's, drawn over what the window shows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "gpu/image.hpp"

namespace tarsier::window {

struct InsetPicture {
  uint32_t width = 0, height = 0;
  std::shared_ptr<const std::vector<uint8_t>> bgra;  // B, G, R, A bytes, rows packed; not written to any more
};

/// Shown for one frame at a time. Nothing waits for the device.
class Inset {
 public:
  void show(InsetPicture picture) { wanted_ = std::move(picture); }
  /// Before the render pass: uploads a picture that is another one than before. Where the frame's staging
  /// area has no room, none is shown.
  Status prepare(gpu::Device& device, gpu::FrameContext& frame);
  /// Whether draw() has something to draw.
  [[nodiscard]] bool there() const { return wanted_.bgra != nullptr; }
  /// Within the render pass, by a pipeline that draws one texture over the viewport.
  void draw(gpu::CommandList& commands, const gpu::GraphicsPipeline& pipeline, const gpu::Area& area);

 private:
  struct Texture {
    gpu::Image image;
    gpu::TextureSet set;
  };
  InsetPicture wanted_, shown_;  // of this frame; on the device
  std::shared_ptr<Texture> texture_;
};

}  // namespace tarsier::window
