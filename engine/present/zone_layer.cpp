#include "present/zone_layer.hpp"

#include <algorithm>
#include <cmath>

#include "present/text_tables.hpp"

namespace tarsier::present {
namespace {

constexpr float kFill = 0.14F;      // opacity of a polygon
constexpr size_t kMostGlyphs = 64;  // of a label

}  // namespace

Result<ZoneLayer> ZoneLayer::create(gpu::Device& device, const gpu::RenderTarget& target) {
  ZoneLayer layer;
  TARSIER_TRY(layer.pipeline_, create_strip_pipeline(device, target));
  return layer;
}

Status ZoneLayer::prepare(gpu::FrameContext& frame, std::span<const ZoneInput> inputs, const TextTables& text,
                          const QuadPush& push) {
  push_ = push;
  strips_.clear();
  quads_.clear();
  for (const ZoneInput& input : inputs) {
    add_shape(input);
    add_label(input, text);
  }
  if (!strips_.empty()) {
    TARSIER_TRY(staged_strips_, frame.stage_copy(strips_));
  }
  if (!quads_.empty()) {
    TARSIER_TRY(staged_quads_, frame.stage_copy(quads_));
  }
  return {};
}

void ZoneLayer::draw_shapes(gpu::CommandList& commands) const {
  if (strips_.empty()) return;
  commands.bind(pipeline_, push_);
  commands.bind_instances(*staged_strips_.buffer, staged_strips_.offset);
  commands.draw(6, uint32_t(strips_.size()));
}

void ZoneLayer::draw_labels(gpu::CommandList& commands) const {
  if (quads_.empty()) return;
  commands.bind_instances(*staged_quads_.buffer, staged_quads_.offset);
  commands.draw(6, uint32_t(quads_.size()));
}

void ZoneLayer::add_shape(const ZoneInput& input) {
  const auto& points = input.points;
  const auto add = [&](const LineInput& line) { add_line(line, push_.line, push_.outline, strips_); };
  for (const auto& [a, b, c] : input.triangles)
    add_triangle({points[a], points[b], points[c]}, input.color, kFill, strips_);
  const bool polygon = !input.triangles.empty();
  add({.points = points, .color = input.color, .width = polygon ? 1.0F : 2.0F, .closed = polygon});
  if (polygon || points.size() < 2) return;
  const TrailPoint &from = points[0], &to = points[1];
  const float length = std::max(std::hypot(to.x - from.x, to.y - from.y), 1e-3F);
  const float along_x = (to.x - from.x) / length, along_y = (to.y - from.y) / length;
  const float size = std::min(16 * (push_.line + push_.outline), length / 2);
  const float x = (from.x + to.x) / 2, y = (from.y + to.y) / 2;
  // To the right of the way along the line, since y goes down: (-along_y, along_x).
  const auto at = [&](float ahead, float aside) {
    return TrailPoint{x - along_y * ahead + along_x * aside, y + along_x * ahead + along_y * aside, 1};
  };
  const std::array<TrailPoint, 2> shaft{at(0, 0), at(size, 0)};
  const std::array<TrailPoint, 3> head{at(0.55F * size, 0.45F * size), at(size, 0),
                                       at(0.55F * size, -0.45F * size)};
  add({.points = shaft, .color = input.color});
  add({.points = head, .color = input.color});
}

/// Dark, with a bar in the shape's colour on its left, so that it is not taken for an object's label. At the
/// lower end of the shape: whoever stands within it reaches up from there.
void ZoneLayer::add_label(const ZoneInput& input, const TextTables& text) {
  if (input.label.empty() || input.points.empty()) return;
  const GlyphAtlas& atlas = text.atlas;
  const float padding = std::round(text.size * 0.3F), bar = std::round(text.size * 0.3F);
  const float width = atlas.walk(input.label, kMostGlyphs, [](uint32_t, float) {});
  const float size_x = std::ceil(width + 2 * (padding + 1) + bar);
  const float size_y = float(atlas.ascent) + 2 * padding;
  const auto [left, right] = std::ranges::minmax(input.points, {}, &TrailPoint::x);
  const auto [top, bottom] = std::ranges::minmax(input.points, {}, &TrailPoint::y);
  // Above a line whose arrow points down: it would lie over the arrow.
  const bool above =
      input.triangles.empty() && input.points.back().x - input.points.front().x > bottom.y - top.y;
  const float begin = above ? top.y - size_y - 2 * push_.line : bottom.y + 2 * push_.line;
  const float x =
      std::round(std::clamp((left.x + right.x - size_x) / 2, 0.0F, std::max(push_.frame[0] - size_x, 0.0F)));
  const float y = std::round(std::clamp(begin, 0.0F, std::max(push_.frame[1] - size_y, 0.0F)));
  const auto rectangle = [&](float x0, float x1, const std::array<float, 4>& color) {
    const float half = (x1 - x0) / 2;
    quads_.push_back({{x0, y, x1, y + size_y},
                      {-half, -size_y / 2, half, size_y / 2},
                      {half, size_y / 2, 2, kRectangleKind},
                      {color[0], color[1], color[2], color[3]}});
  };
  rectangle(x, x + size_x, {0.05F, 0.06F, 0.08F, 0.78F});
  rectangle(x, x + bar, {input.color[0], input.color[1], input.color[2], 1});
  const float ink[4] = {0.95F, 0.95F, 0.95F, 1};
  atlas.walk(input.label, kMostGlyphs, [&](uint32_t glyph, float pen) {
    quads_.push_back(text.glyph_quad(glyph, x + bar + padding + 1 + std::round(pen),
                                     y + padding + float(atlas.ascent), ink));
  });
}

}  // namespace tarsier::present
