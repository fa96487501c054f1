// Draws soft masks over a picture: only where they show (shaders/present/mask_tiles.comp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "gpu/image.hpp"
#include "vision/types.hpp"

namespace tarsier::present {

/// A soft mask: one byte a pixel at the network's resolution, 0 = no, 255 = yes, rows packed.
struct MaskInput {
  const gpu::Buffer* buffer = nullptr;
  uint64_t offset = 0;  // multiple of 4
  uint32_t width = 0, height = 0;
  vision::Fit fit;  // mask = frame * scale + offset, in pixels
  std::array<float, 3> color{0.16F, 0.8F, 0.45F};
  float opacity = 0.4F;  // 0: not drawn
  float threshold = 0.5F;
};

class MaskLayer {
 public:
  /// For every target of the format of `target`.
  static Result<MaskLayer> create(gpu::Device& device, const gpu::RenderTarget& target);

  /// Records what the draws need, outside of a render pass, behind a barrier from the masks' producers to
  /// compute and transfers. A barrier from compute to indirect arguments and graphics must follow.
  /// `width`, `height`: of the picture.
  Status prepare(gpu::FrameContext& frame, std::span<const MaskInput> masks, uint32_t width, uint32_t height);
  /// Draws what was prepared, in that order.
  void draw(gpu::CommandList& commands) const;

 private:
  /// What is bound to a mask's size.
  struct Mask {
    gpu::Image image;
    gpu::TextureSet textures;
    gpu::Buffer tiles;
  };
  /// As in mask.vert and mask.frag.
  struct DrawPush {
    float scale[2], offset[2], color[4], frame[2];
    float threshold;
  };
  struct Draw {
    size_t mask;
    uint64_t plain_rectangles;  // byte offset in its tiles
    DrawPush push;
  };
  Result<std::shared_ptr<Mask>> make_mask(const MaskInput& input) const;

  gpu::Device* device_ = nullptr;
  const gpu::ComputePipeline* tiles_ = nullptr;
  gpu::GraphicsPipeline soft_, plain_;
  std::vector<std::shared_ptr<Mask>> masks_;
  std::vector<Draw> draws_;
};

}  // namespace tarsier::present
