#include "present/track_layer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "present/palette.hpp"
#include "present/text_tables.hpp"

namespace tarsier::present {
namespace {

struct Color {
  float rgb[3];
  /// Dark text on light tags, light text on dark ones (Rec. 709 luma), as in shaders/present/expand.comp.
  [[nodiscard]] bool light() const { return 0.2126F * rgb[0] + 0.7152F * rgb[1] + 0.0722F * rgb[2] > 0.45F; }
};

Color color_of(int64_t id) {
  const Rgb bytes = track_color(id);
  return {{float(bytes[0]) / 255, float(bytes[1]) / 255, float(bytes[2]) / 255}};
}

constexpr Color kWarning{{0.90F, 0.11F, 0.14F}};

constexpr float kFaint = 0.1F;  // less than this of an object is too little for a label

/// What a driver that compiles a pipeline at its first draw may draw before anything shows.
constexpr Quad kNothing{{-8, -8, -8, -8}, {}, {1, 1, 0, kGlyphKind}, {}};

}  // namespace

Result<gpu::GraphicsPipeline> create_strip_pipeline(gpu::Device& device, const gpu::RenderTarget& target) {
  return gpu::GraphicsPipeline::create(device, target,
                                       {.vertex = "present/trail.vert",
                                        .fragment = "present/trail.frag",
                                        .constants = {},
                                        .blend = true,
                                        .instance_vec4s = 4});
}

Result<TrackLayer> TrackLayer::create(gpu::Device& device, const gpu::RenderTarget& target) {
  TrackLayer layer;
  TARSIER_TRY(layer.trail_pipeline_, create_strip_pipeline(device, target));
  return layer;
}

template <class T>
Result<TrackLayer::Staged> TrackLayer::stage(gpu::FrameContext& frame, const std::vector<T>& rows) {
  if (rows.empty()) return Staged{};
  TARSIER_TRY(const auto staging, frame.stage_copy(rows));
  return Staged{staging.buffer, staging.offset, uint32_t(rows.size())};
}

Status TrackLayer::prepare(gpu::FrameContext& frame, std::span<const TrackInput> inputs,
                           std::span<const LineInput> lines, std::span<const Rect> hidden,
                           const TextTables& text, const QuadPush& push) {
  push_ = push;
  pieces_.clear();
  quads_.clear();
  if (!inputs.empty() || !lines.empty()) pieces_.push_back({{-8, -8, -8, -8}, {-8, -8, -8, -8}, {}, {}});
  if (!inputs.empty()) quads_.push_back(kNothing);
  for (const LineInput& line : lines) add_line(line, push.line, push.outline, pieces_);
  labels_.begin(std::round(text.size * 0.4F));
  for (const Rect& rect : hidden) labels_.block(rect);
  size_t left = kMaxTracksDrawn;
  for (const TrackInput& input : inputs) {
    const auto boxes = input.boxes.first(std::min(input.boxes.size(), left));
    left -= boxes.size();
    for (const TrackBox& box : boxes) add_trail(box);
    for (const TrackBox& box : boxes) add_box(box);
    place_labels(input, boxes.size(), text);
  }
  TARSIER_TRY(staged_pieces_, stage(frame, pieces_));
  TARSIER_TRY(staged_quads_, stage(frame, quads_));
  return {};
}

void TrackLayer::draw_trails(gpu::CommandList& commands) const {
  if (staged_pieces_.count == 0) return;
  commands.bind(trail_pipeline_, push_);
  commands.bind_instances(*staged_pieces_.buffer, staged_pieces_.offset);
  commands.draw(6, staged_pieces_.count);
}

void TrackLayer::draw_boxes(gpu::CommandList& commands) const {
  if (staged_quads_.count == 0) return;
  commands.bind_instances(*staged_quads_.buffer, staged_quads_.offset);
  commands.draw(6, staged_quads_.count);
}

void TrackLayer::add_trail(const TrackBox& box) {
  const Color color = color_of(box.id);
  add_line({.points = box.trail.last(std::min(box.trail.size(), kMaxTrailPoints)),
            .color = {color.rgb[0], color.rgb[1], color.rgb[2]},
            .opacity = box.opacity},
           push_.line, push_.outline, pieces_);
}

void TrackLayer::add_box(const TrackBox& box) {
  const Color color = color_of(box.id);
  if (box.warned) {  // two lines side by side make a thick one
    for (const float outset : {3 * push_.line, 5 * push_.line})
      add_outline(box, outset, {kWarning.rgb[0], kWarning.rgb[1], kWarning.rgb[2], box.opacity},
                  kOutlineKind);
  }
  add_outline(box, 0, {color.rgb[0], color.rgb[1], color.rgb[2], box.opacity},
              box.lost ? kDashedKind : kOutlineKind);
}

/// Four edges, as edge_of() in shaders/present/expand.comp, `outset` pixels around the box.
void TrackLayer::add_outline(const TrackBox& box, float outset, const float (&color)[4], float kind) {
  const float x = (box.x0 + box.x1) / 2, y = (box.y0 + box.y1) / 2;
  const float half_w = std::max((box.x1 - box.x0) / 2, 1.0F) + outset;
  const float half_h = std::max((box.y1 - box.y0) / 2, 1.0F) + outset;
  const float corner = 3 * push_.line + outset;
  const float reach = push_.line + push_.outline + 1;
  const float outer_w = half_w + reach, outer_h = half_h + reach;
  const float inner_w = std::max(half_w - reach - corner, 0.0F);
  const float inner_h = std::max(half_h - reach - corner, 0.0F);
  const std::array<std::array<float, 4>, 4> parts{{{-outer_w, -outer_h, outer_w, -inner_h},
                                                   {-outer_w, inner_h, outer_w, outer_h},
                                                   {-outer_w, -inner_h, -inner_w, inner_h},
                                                   {inner_w, -inner_h, outer_w, inner_h}}};
  for (const auto& part : parts) {
    quads_.push_back({{part[0] + x, part[1] + y, part[2] + x, part[3] + y},
                      {part[0], part[1], part[2], part[3]},
                      {half_w, half_h, std::min({corner, half_w, half_h}), kind},
                      {color[0], color[1], color[2], color[3]}});
  }
}

/// The nearest ones first, those that are warned of before all. Who was shown keeps his turn where two are
/// about as near.
void TrackLayer::place_labels(const TrackInput& input, size_t count, const TextTables& text) {
  order_.clear();
  for (const TrackBox& box : input.boxes.first(count)) {
    if (box.opacity < kFaint) continue;
    float turn = box.y1 + (labels_.was_shown(box.id) ? text.size : 0.0F);
    if (box.warned) turn += push_.frame[1];
    order_.emplace_back(turn, &box);
  }
  // Boxes lie side by side in memory: of two that stand as low the later one, which lies above, has its turn
  // first.
  std::ranges::sort(order_, std::ranges::greater());
  for (const auto& [turn, box] : order_) add_label(*box, text, input.label_set);
}

/// "person #12 0.87", where more is known "car #12  23 m  2.1 s", never beyond the picture's sides.
void TrackLayer::add_label(const TrackBox& box, const TextTables& text, uint32_t label_set) {
  const GlyphAtlas& atlas = text.atlas;
  const LabelSet& set = text.sets[std::min<size_t>(label_set, text.sets.size() - 1)];
  const auto class_id = std::min(size_t(std::max(box.class_id, 0)), set.classes.size() - 1);
  const ClassEntry& entry = set.classes[class_id];
  std::array<char, 48> digits{};
  char* end = digits.data();
  const auto add = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    const size_t room = size_t(digits.data() + digits.size() - end);
    end += std::min(fmt::format_to_n(end, room, format, std::forward<Args>(args)...).size, room);
  };
  add(" #{}", box.id);
  if (!std::isnan(box.distance_m)) {
    add("  {:.0f} m", box.distance_m);
  } else if (!box.lost && std::isnan(box.ttc_s)) {
    add("  {:.2f}", box.score);
  }
  if (!std::isnan(box.ttc_s)) add("  {:.1f} s", box.ttc_s);
  const std::string_view tail(digits.data(), size_t(end - digits.data()));
  const auto glyph_of = [](char c) { return uint32_t(c - ' '); };  // printable ASCII comes first in the atlas

  float width = entry.width;
  for (const char c : tail) width += atlas.advances[glyph_of(c)];
  const float padding = std::round(text.size * 0.3F);
  const float size_x = std::ceil(width + 2 * (padding + 1));
  const float size_y = float(atlas.ascent) + 2 * padding;
  const auto at = [&](float left, float top) {
    const float x = std::floor(std::clamp(left, 0.0F, std::max(push_.frame[0] - size_x, 0.0F)) + 0.5F);
    const float y = std::floor(top + 0.5F);
    return y < 0 || y + size_y > push_.frame[1] ? Rect() : Rect{x, y, x + size_x, y + size_y};
  };
  const float above = box.y0 - push_.line - size_y, below = box.y1 + push_.line;
  const bool fits = box.x1 - box.x0 >= size_x && box.y1 - box.y0 >= 2 * size_y;
  // Inside of a small box only where the picture's edge leaves no other place.
  const std::array<Rect, 5> places{
      at(box.x0, above), at(box.x1 - size_x, above),
      fits || above < 0 ? at(box.x0, std::max(box.y0, 0.0F) + push_.line) : Rect(), at(box.x0, below),
      at(box.x1 - size_x, below)};
  const auto place = labels_.place(box.id, places);
  if (!place) return;
  const float x = places[*place].x0, y = places[*place].y0;

  const Color color = box.warned ? kWarning : color_of(box.id);
  quads_.push_back({{x, y, x + size_x, y + size_y},
                    {-size_x / 2, -size_y / 2, size_x / 2, size_y / 2},
                    {size_x / 2, size_y / 2, 3, kRectangleKind},
                    {color.rgb[0], color.rgb[1], color.rgb[2], 0.94F * box.opacity}});
  const bool dark_text = color.light();
  const float ink[4] = {dark_text ? 0.03F : 1, dark_text ? 0.04F : 1, dark_text ? 0.05F : 1, box.opacity};
  const float start = x + padding + 1;
  const float baseline = y + padding + float(atlas.ascent);
  for (uint32_t i = 0; i < entry.count; ++i) {
    const PlacedGlyph& one = set.runs[entry.first + i];
    quads_.push_back(text.glyph_quad(one.glyph, std::floor(start + one.pen + 0.5F), baseline, ink));
  }
  float pen = start + entry.width;
  for (const char c : tail) {
    if (c != ' ') quads_.push_back(text.glyph_quad(glyph_of(c), std::floor(pen + 0.5F), baseline, ink));
    pen += atlas.advances[glyph_of(c)];
  }
}

}  // namespace tarsier::present
