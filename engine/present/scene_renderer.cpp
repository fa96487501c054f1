#include "present/scene_renderer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "gpu/device.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "gpu/pipeline.hpp"
#include "present/text_tables.hpp"

namespace tarsier::present {
namespace {

using gpu::ImageUse;
using gpu::Scope;

// As in shaders/present/expand.comp.
struct ExpandPush {
  uint64_t detections, classes, runs, glyphs, quads;
  float frame[2];
  uint32_t class_count, digit_zero, full_stop;
  float digit_width, stop_width, space_width, ascent, text_height, padding, line, outline, radius,
      least_score;
};
static_assert(sizeof(ExpandPush) == 104);
constexpr uint32_t kExpandGroups = 64;  // workgroups that share the boxes of a frame
constexpr uint32_t kEdges = 4;          // as in shaders/present/expand.comp
constexpr uint32_t kLabelQuads = 1 + kLabelGlyphs;
constexpr uint64_t kQuadBufferBytes =
    kQuadsOffset + uint64_t(vision::kMaxDetections) * (kEdges + kLabelQuads) * sizeof(Quad);
constexpr uint32_t kMaxStatusGlyphs = 160;

/// The picture and all that is bound to its size.
struct Canvas {
  gpu::Image image;
  gpu::RenderTarget target;
};

}  // namespace

struct SceneRenderer::Impl {
  gpu::Device* device = nullptr;
  SceneOptions options;
  std::shared_ptr<Canvas> canvas;
  std::shared_ptr<TextTables> text;
  MaskLayer masks;
  ZoneLayer zones;
  TrackLayer tracks;
  PanelLayer panel;
  FaceLayer faces;
  ObjectLayer objects;
  SkeletonLayer skeletons;
  std::vector<gpu::Buffer> quads;  // one for each detector: command and quads
  const gpu::ComputePipeline* expand = nullptr;
  gpu::GraphicsPipeline quad_pipeline;
  uint64_t generation = 0;

  Status make_pipelines();
  Status resize(gpu::FrameContext& frame, uint32_t width, uint32_t height);
  [[nodiscard]] float line() const;  // half the width of a box's line
  [[nodiscard]] QuadPush quad_push() const;
  Status expand_detections(gpu::CommandList& commands, size_t index, const DetectionInput& input);
  /// Quads of the status line and of the banners, and how many.
  Result<gpu::FrameContext::Staging> stage_lines(gpu::FrameContext& frame, std::string_view status,
                                                 std::span<const std::string> banners, uint32_t& count);
};

Status SceneRenderer::Impl::make_pipelines() {
  TARSIER_TRY(expand, device->pipelines().get({.shader = "present/expand.comp", .constants = {}}));
  TARSIER_TRY(quad_pipeline, gpu::GraphicsPipeline::create(*device, canvas->target,
                                                           {.vertex = "present/quad.vert",
                                                            .fragment = "present/quad.frag",
                                                            .constants = {},
                                                            .blend = true,
                                                            .textures = 1,
                                                            .instance_vec4s = 4}));
  TARSIER_TRY(masks, MaskLayer::create(*device, canvas->target));
  TARSIER_TRY(zones, ZoneLayer::create(*device, canvas->target));
  TARSIER_TRY(tracks, TrackLayer::create(*device, canvas->target));
  TARSIER_TRY(panel, PanelLayer::create(*device, canvas->target));
  TARSIER_TRY(faces, FaceLayer::create(*device, canvas->target));
  TARSIER_TRY(objects, ObjectLayer::create(*device, canvas->target));
  TARSIER_TRY(skeletons, SkeletonLayer::create(*device, canvas->target));
  return {};
}

Status SceneRenderer::Impl::resize(gpu::FrameContext& frame, uint32_t width, uint32_t height) {
  const float pixels = std::round(text_pixels(height) * options.text_scale);
  if (!text || pixels != text->size) {
    TARSIER_TRY(auto tables, TextTables::create(*device, pixels, options.label_sets));
    if (text) frame.retire(text);
    text = std::move(tables);
  }
  if (canvas && canvas->image.width() == width && canvas->image.height() == height) return {};
  auto next = std::make_shared<Canvas>();
  TARSIER_TRY(next->image, gpu::Image::create(*device, {.width = width,
                                                        .height = height,
                                                        .format = gpu::Format::kBgra8,
                                                        .color_target = true,
                                                        .name = "scene"}));
  TARSIER_TRY(next->target, gpu::RenderTarget::create(*device, next->image, gpu::Load::kKeep));
  const bool first = canvas == nullptr;
  if (!first) frame.retire(canvas);
  canvas = std::move(next);
  ++generation;
  return first ? make_pipelines() : Status();
}

float SceneRenderer::Impl::line() const {
  return line_pixels(canvas->image.width(), canvas->image.height());
}

QuadPush SceneRenderer::Impl::quad_push() const {
  return {{float(canvas->image.width()), float(canvas->image.height())}, line(), line()};
}

Status SceneRenderer::Impl::expand_detections(gpu::CommandList& commands, size_t index,
                                              const DetectionInput& input) {
  while (quads.size() <= index) {
    TARSIER_TRY(
        gpu::Buffer buffer,
        device->create_buffer({.size = kQuadBufferBytes, .indirect = true, .name = "detection quads"}));
    quads.push_back(std::move(buffer));
  }
  const LabelSet& set = text->sets[std::min<size_t>(input.label_set, text->sets.size() - 1)];
  const GlyphAtlas& atlas = text->atlas;
  const uint32_t zero = atlas.find(U'0');
  const uint32_t stop = atlas.find(U'.');
  const float padding = std::round(text->size * 0.3F);
  ExpandPush push{};
  push.detections = input.buffer->address() + input.offset;
  push.classes = set.class_buffer.address();
  push.runs = set.run_buffer.address();
  push.glyphs = text->glyphs.address();
  push.quads = quads[index].address();
  push.frame[0] = float(canvas->image.width());
  push.frame[1] = float(canvas->image.height());
  push.class_count = uint32_t(set.classes.size());
  push.digit_zero = zero;
  push.full_stop = stop;
  push.digit_width = atlas.advances[zero];
  push.stop_width = atlas.advances[stop];
  push.space_width = atlas.advances[atlas.find(U' ')] * 1.4F;
  push.ascent = padding + float(atlas.ascent);
  push.text_height = float(atlas.ascent) + 2 * padding;
  push.padding = padding + 1;
  push.line = line();
  push.outline = line();
  push.radius = 3 * line();
  push.least_score = input.least_score;
  commands.dispatch(*expand, push, {1, kExpandGroups, 1});
  return {};
}

Result<gpu::FrameContext::Staging> SceneRenderer::Impl::stage_lines(gpu::FrameContext& frame,
                                                                    std::string_view status,
                                                                    std::span<const std::string> banners,
                                                                    uint32_t& count) {
  const GlyphAtlas& atlas = text->atlas;
  const float padding = std::round(text->size * 0.4F);
  const float margin = std::round(text->size * 0.5F);
  const float width = float(canvas->image.width()), height = float(canvas->image.height());
  const float white[4] = {0.95F, 0.95F, 0.95F, 1};
  std::vector<Quad> rows;
  const float half_y = float(atlas.ascent) / 2 + padding;
  const auto add = [&](std::string_view line, bool middle, float bottom, const std::array<float, 4>& ground) {
    if (line.empty()) return;
    const auto placed = atlas.layout(line, kMaxStatusGlyphs);
    const float text_width = placed.empty() ? 0 : placed.back().pen + atlas.advances[placed.back().glyph];
    const float half_x = std::ceil(text_width) / 2 + padding;
    const float left = middle ? std::max(std::round(width / 2 - half_x), 0.0F) : margin;
    rows.push_back({{left, bottom - 2 * half_y, left + 2 * half_x, bottom},
                    {-half_x, -half_y, half_x, half_y},
                    {half_x, half_y, 4, kRectangleKind},
                    {ground[0], ground[1], ground[2], ground[3]}});
    for (const PlacedGlyph& one : placed) {
      rows.push_back(
          text->glyph_quad(one.glyph, left + padding + std::round(one.pen), bottom - padding, white));
    }
  };
  add(status, false, height - margin, {0.05F, 0.06F, 0.08F, 0.72F});
  for (size_t i = 0; i < banners.size(); ++i)
    add(banners[i], true, margin + 2 * half_y * float(i + 1), {0.80F, 0.05F, 0.08F, 0.92F});
  TARSIER_TRY(const auto staging, frame.stage_copy(rows));
  count = uint32_t(rows.size());
  return staging;
}

Rect status_strip(uint32_t width, uint32_t height) {
  // As stage_lines() has it: half a line of margin, the line and what is around it.
  return {0, float(height) - std::ceil(2.3F * text_pixels(height)), float(width), float(height)};
}

SceneRenderer::SceneRenderer() : impl_(std::make_unique<Impl>()) {}
SceneRenderer::~SceneRenderer() = default;

Result<std::unique_ptr<SceneRenderer>> SceneRenderer::create(gpu::Device& device,
                                                             const SceneOptions& options) {
  std::unique_ptr<SceneRenderer> out(new SceneRenderer());
  out->impl_->device = &device;
  out->impl_->options = options;
  if (options.label_sets.empty()) out->impl_->options.label_sets.emplace_back();
  TARSIER_TRY([[maybe_unused]] const auto font, find_font());  // say so at start, not at the first frame
  return out;
}

Status SceneRenderer::draw(gpu::FrameContext& frame, const SceneInputs& inputs) {
  Impl& self = *impl_;
  TARSIER_CHECK(self.resize(frame, inputs.width, inputs.height));
  gpu::CommandList& commands = frame.commands();
  frame.begin_span("scene");
  const Scope producers = Scope::kCompute | Scope::kTransfer;
  commands.barrier(producers, Scope::kTransfer | Scope::kCompute);

  // The frame is the picture's ground: copied as it is, so that no full-screen pass is needed.
  commands.image_barrier(self.canvas->image, ImageUse::kUndefined, ImageUse::kTransferWrite);
  commands.copy_to_image(*inputs.frame, inputs.frame_offset, self.canvas->image);
  commands.image_barrier(self.canvas->image, ImageUse::kTransferWrite, ImageUse::kColorTarget);
  TARSIER_CHECK(self.masks.prepare(frame, inputs.masks, inputs.width, inputs.height));
  for (size_t i = 0; i < inputs.detections.size(); ++i) {
    TARSIER_CHECK(self.expand_detections(commands, i, inputs.detections[i]));
  }
  TARSIER_CHECK(self.zones.prepare(frame, inputs.zones, *self.text, self.quad_push()));
  std::span<const Rect> hidden;
  if (inputs.panel != nullptr) hidden = {&inputs.panel->place, 1};
  TARSIER_CHECK(
      self.tracks.prepare(frame, inputs.tracks, inputs.lines, hidden, *self.text, self.quad_push()));
  TARSIER_CHECK(self.panel.prepare(frame, inputs.panel, *self.text, self.quad_push()));
  uint32_t line_quads = 0;
  gpu::FrameContext::Staging lines{};
  if (!inputs.status.empty() || !inputs.banners.empty()) {
    TARSIER_TRY(lines, self.stage_lines(frame, inputs.status, inputs.banners, line_quads));
  }
  commands.barrier(Scope::kCompute, Scope::kIndirect | Scope::kGraphics);
  TARSIER_CHECK(self.objects.prepare(frame, inputs.faces, *inputs.frame, inputs.frame_offset, inputs.width,
                                     inputs.height));

  commands.begin_render(self.canvas->target);
  self.masks.draw(commands);
  self.zones.draw_shapes(commands);
  self.faces.draw(commands, inputs.faces, inputs.width, inputs.height, self.line());
  self.skeletons.draw(commands, inputs.skeletons, inputs.width, inputs.height, self.line());
  self.objects.draw(commands);
  self.tracks.draw_trails(commands);
  commands.bind(self.quad_pipeline, self.quad_push(), &self.text->textures);
  for (size_t i = 0; i < inputs.detections.size(); ++i) {
    commands.bind_instances(self.quads[i], kQuadsOffset);
    commands.draw_indirect(self.quads[i], 0);
  }
  self.zones.draw_labels(commands);
  self.tracks.draw_boxes(commands);
  if (inputs.marks != nullptr) {
    commands.bind(self.quad_pipeline, self.quad_push(), &self.text->textures);
    commands.bind_instances(*inputs.marks, kQuadsOffset);
    commands.draw_indirect(*inputs.marks, 0);
  }
  self.panel.draw(commands, self.quad_pipeline, self.text->textures);
  if (line_quads > 0) {
    commands.bind_instances(*lines.buffer, lines.offset);
    commands.draw(6, line_quads);
  }
  commands.end_render();

  commands.image_barrier(self.canvas->image, ImageUse::kColorTarget, ImageUse::kSampled);
  // The next frame's passes write what this one has read.
  commands.barrier(Scope::kTransfer | Scope::kIndirect | Scope::kGraphics, producers);
  frame.end_span();
  return {};
}

const gpu::Image& SceneRenderer::image() const {
  return impl_->canvas->image;
}
uint64_t SceneRenderer::generation() const {
  return impl_->generation;
}

}  // namespace tarsier::present
