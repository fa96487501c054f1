// Draws a small picture of its own over a corner of the picture: lines, boxes and words on dark ground.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "present/label_placer.hpp"
#include "present/polyline.hpp"
#include "present/track_layer.hpp"

namespace tarsier::present {

struct PanelBox {
  Rect place;
  std::array<float, 3> color{1, 1, 1};
  float opacity = 1;
  float radius = 0;    // of its corners
  int64_t number = 0;  // stands beside it where there is room, those of earlier boxes first; 0: none
};

struct PanelText {
  float x = 0, y = 0;  // right end, on the baseline
  std::string_view text;
  float opacity = 1;
};

/// All in pixels of the picture, drawn in this order. Nothing is cut off at the panel's edge.
struct PanelInput {
  Rect place;
  float opacity = 0.66F;  // of the ground
  float radius = 0;       // of its corners
  std::span<const LineInput> lines;
  std::span<const PanelText> texts;  // no number lies over one
  std::span<const PanelBox> boxes;   // later ones below earlier ones
};

class PanelLayer {
 public:
  /// For every target of the format of `target`.
  static Result<PanelLayer> create(gpu::Device& device, const gpu::RenderTarget& target);

  /// Writes what the draws need into the frame's staging area; null: there is no panel. Steady state
  /// allocates nothing. Fails where the staging area is too small.
  Status prepare(gpu::FrameContext& frame, const PanelInput* input, const TextTables& text,
                 const QuadPush& push);
  /// Leaves the pipeline of quads bound.
  void draw(gpu::CommandList& commands, const gpu::GraphicsPipeline& quad_pipeline,
            const gpu::TextureSet& glyphs) const;

 private:
  void add_box(const Rect& place, float radius, const std::array<float, 3>& color, float opacity);
  void add_texts(const PanelInput& input, const TextTables& text);
  void add_numbers(const PanelInput& input, const TextTables& text);
  void add_text(std::string_view line, float x, float y, float opacity, const TextTables& text);

  gpu::GraphicsPipeline pipeline_;
  QuadPush push_{};
  std::vector<Strip> strips_;
  std::vector<Quad> quads_;  // the ground comes first
  LabelPlacer numbers_;
  gpu::FrameContext::Staging staged_strips_{}, staged_quads_{};
};

}  // namespace tarsier::present
