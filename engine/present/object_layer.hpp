// A thing that a face wears: drawn in three dimensions where the device's own state of the face says, lit,
// and hidden where the head is before it. Nothing of it is known to the host.
#pragma once

#include <memory>
#include <span>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "present/face_layer.hpp"

namespace tarsier::gpu {
class ComputePipeline;
}

namespace tarsier::present {

/// It is drawn off screen, with four samples a pixel and depth, first the head without colour, then the
/// object; and laid over the scene where it is. Parallel projection, as of the landmarks and their pose
/// (vision/face.hpp): it fits them better than a perspective of any distance.
class ObjectLayer {
 public:
  /// `target`: the scene's.
  static Result<ObjectLayer> create(gpu::Device& device, const gpu::RenderTarget& target);
  ObjectLayer();
  ObjectLayer(ObjectLayer&& other) noexcept;
  ObjectLayer& operator=(ObjectLayer&& other) noexcept;
  ~ObjectLayer();

  /// Outside of the render pass: draws the object of the first input that has one; without one it does
  /// nothing. `picture`: the frame's B, G, R, A bytes, for the light. What it needs is made when it is first
  /// needed and when the size changes.
  Status prepare(gpu::FrameContext& frame, std::span<const FaceInput> inputs, const gpu::Buffer& picture,
                 uint64_t offset, uint32_t width, uint32_t height);
  /// Inside of the render pass.
  void draw(gpu::CommandList& commands) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarsier::present
