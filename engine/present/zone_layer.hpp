// Draws zones and lines with their counts over a picture, below what moves in it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "present/polyline.hpp"
#include "present/track_layer.hpp"

namespace tarsier::present {

struct ZoneInput {
  std::span<const TrailPoint> points;  // pixels of the picture; of a line two
  /// Of a polygon: points of each triangle that it consists of. Empty: a line, with an arrow that points to
  /// the right of the way from its first point to its second.
  std::span<const std::array<size_t, 3>> triangles;
  std::array<float, 3> color{1, 1, 1};
  std::string_view label;
};

class ZoneLayer {
 public:
  /// For every target of the format of `target`.
  static Result<ZoneLayer> create(gpu::Device& device, const gpu::RenderTarget& target);

  /// Writes what the draws need into the frame's staging area. Steady state allocates nothing. Fails where
  /// the staging area is too small.
  Status prepare(gpu::FrameContext& frame, std::span<const ZoneInput> inputs, const TextTables& text,
                 const QuadPush& push);
  void draw_shapes(gpu::CommandList& commands) const;
  /// With the pipeline of quads bound.
  void draw_labels(gpu::CommandList& commands) const;

 private:
  void add_shape(const ZoneInput& input);
  void add_label(const ZoneInput& input, const TextTables& text);

  gpu::GraphicsPipeline pipeline_;
  QuadPush push_{};
  std::vector<Strip> strips_;
  std::vector<Quad> quads_;
  gpu::FrameContext::Staging staged_strips_{}, staged_quads_{};
};

}  // namespace tarsier::present
