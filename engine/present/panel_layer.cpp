#include "present/panel_layer.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <ranges>

#include "present/text_tables.hpp"

namespace tarsier::present {
namespace {

constexpr std::array<float, 3> kGround{0.04F, 0.05F, 0.07F};
constexpr float kInk = 0.92F;
constexpr float kFaint = 0.5F;  // a box that is fainter has no number

}  // namespace

Result<PanelLayer> PanelLayer::create(gpu::Device& device, const gpu::RenderTarget& target) {
  PanelLayer layer;
  TARSIER_TRY(layer.pipeline_, create_strip_pipeline(device, target));
  return layer;
}

Status PanelLayer::prepare(gpu::FrameContext& frame, const PanelInput* input, const TextTables& text,
                           const QuadPush& push) {
  push_ = push;
  strips_.clear();
  quads_.clear();
  if (input == nullptr) return {};
  add_box(input->place, input->radius, kGround, input->opacity);
  // A driver may compile the pipeline at its first draw: there is always something to draw.
  strips_.push_back({{-8, -8, -8, -8}, {-8, -8, -8, -8}, {}, {}});
  for (const LineInput& line : input->lines) add_line(line, push.line, push.outline, strips_);
  numbers_.begin(1);
  add_texts(*input, text);
  for (const PanelBox& box : std::views::reverse(input->boxes))
    add_box(box.place, box.radius, box.color, box.opacity);
  add_numbers(*input, text);
  TARSIER_TRY(staged_strips_, frame.stage_copy(strips_));
  TARSIER_TRY(staged_quads_, frame.stage_copy(quads_));
  return {};
}

void PanelLayer::draw(gpu::CommandList& commands, const gpu::GraphicsPipeline& quad_pipeline,
                      const gpu::TextureSet& glyphs) const {
  if (quads_.empty()) return;
  const auto bind_quads = [&](size_t first) {
    commands.bind(quad_pipeline, push_, &glyphs);
    commands.bind_instances(*staged_quads_.buffer, staged_quads_.offset + first * sizeof(Quad));
  };
  bind_quads(0);
  commands.draw(6, 1);
  commands.bind(pipeline_, push_);
  commands.bind_instances(*staged_strips_.buffer, staged_strips_.offset);
  commands.draw(6, uint32_t(strips_.size()));
  bind_quads(1);
  if (quads_.size() > 1) commands.draw(6, uint32_t(quads_.size() - 1));
}

void PanelLayer::add_box(const Rect& place, float radius, const std::array<float, 3>& color, float opacity) {
  const float half_x = (place.x1 - place.x0) / 2, half_y = (place.y1 - place.y0) / 2;
  // A pixel more on each side: the edge is smooth where it does not fall on a pixel's.
  const float out_x = half_x + 1, out_y = half_y + 1;
  quads_.push_back({{place.x0 - 1, place.y0 - 1, place.x1 + 1, place.y1 + 1},
                    {-out_x, -out_y, out_x, out_y},
                    {half_x, half_y, std::min({radius, half_x, half_y}), kRectangleKind},
                    {color[0], color[1], color[2], opacity}});
}

void PanelLayer::add_texts(const PanelInput& input, const TextTables& text) {
  for (const PanelText& one : input.texts) {
    const float width = text.atlas.width_of(one.text);
    add_text(one.text, one.x - width, one.y, one.opacity, text);
    numbers_.block({one.x - width, one.y - float(text.atlas.ascent), one.x, one.y});
  }
}

void PanelLayer::add_numbers(const PanelInput& input, const TextTables& text) {
  for (const PanelBox& box : input.boxes) numbers_.block(box.place);
  const float height = float(text.atlas.ascent);
  for (const PanelBox& box : input.boxes) {
    if (box.number == 0 || box.opacity < kFaint) continue;
    std::array<char, 24> digits{};
    const auto end = fmt::format_to_n(digits.data(), digits.size(), "{}", box.number).out;
    const std::string_view line(digits.data(), size_t(end - digits.data()));
    const float width = text.atlas.width_of(line);
    const float top = std::round((box.place.y0 + box.place.y1 - height) / 2);
    const auto at = [&](float x) {
      const Rect rect{std::round(x), top, std::round(x) + width, top + height};
      const bool inside = rect.x0 > input.place.x0 && rect.x1 < input.place.x1 && rect.y0 > input.place.y0 &&
                          rect.y1 < input.place.y1;
      return inside ? rect : Rect();
    };
    const float gap = 2 * push_.line + 1;
    const std::array<Rect, 2> places{at(box.place.x1 + gap), at(box.place.x0 - gap - width)};
    if (const auto place = numbers_.place(box.number, places))
      add_text(line, places[*place].x0, top + height, box.opacity, text);
  }
}

void PanelLayer::add_text(std::string_view line, float x, float y, float opacity, const TextTables& text) {
  const float ink[4] = {kInk, kInk, kInk, opacity};
  const float shadow[4] = {0, 0, 0, 0.7F * opacity};  // it may stand on a line
  float pen = std::round(x);
  for (const char c : line) {  // ASCII: metres and numbers
    const uint32_t glyph = text.atlas.find(char32_t(c));
    if (c != ' ') {
      quads_.push_back(text.glyph_quad(glyph, std::round(pen) + 1, std::round(y) + 1, shadow));
      quads_.push_back(text.glyph_quad(glyph, std::round(pen), std::round(y), ink));
    }
    pen += text.atlas.advances[glyph];
  }
}

}  // namespace tarsier::present
