// Draws a face that the device alone knows: its mesh, contours or points, and the head's axes at the nose.
// The vertices are read from the landmarks' own buffer; where there is no face, nothing is drawn.
#pragma once

#include <cstdint>
#include <span>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "present/object_model.hpp"

namespace tarsier::present {

enum class FaceShow : uint8_t { kOff, kPoints, kContours, kMesh };  // the mesh has the contours on it

struct FaceInput {
  const gpu::Buffer* state = nullptr;  // vision::FaceState and its points
  FaceShow show = FaceShow::kMesh;
  bool axes = false;
  FaceObject object = FaceObject::kNone;  // drawn by ObjectLayer
};

class FaceLayer {
 public:
  /// For every target of the format of `target`.
  static Result<FaceLayer> create(gpu::Device& device, const gpu::RenderTarget& target);
  /// Inside of the render pass. `line`: half the width of a box's line, pixels.
  void draw(gpu::CommandList& commands, std::span<const FaceInput> inputs, uint32_t width, uint32_t height,
            float line) const;

 private:
  struct Range {
    uint32_t first = 0, count = 0;
  };
  gpu::GraphicsPipeline pipeline_;
  gpu::Buffer lines_, model_;
  Range mesh_, contours_, points_, axes_;
};

}  // namespace tarsier::present
