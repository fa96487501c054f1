#include "present/text_tables.hpp"

#include <algorithm>
#include <cmath>

#include "present/palette.hpp"
#include "present/scene_renderer.hpp"

namespace tarsier::present {
namespace {

template <class T>
Result<gpu::Buffer> upload_table(gpu::Device& device, const std::vector<T>& rows, const char* name) {
  TARSIER_TRY(gpu::Buffer buffer,
              device.create_buffer({.size = std::max<uint64_t>(rows.size() * sizeof(T), 16), .name = name}));
  if (!rows.empty()) TARSIER_CHECK(device.upload(buffer, 0, rows.data(), rows.size() * sizeof(T)));
  return buffer;
}

Result<LabelSet> make_set(gpu::Device& device, const GlyphAtlas& atlas,
                          const std::vector<std::string>& names) {
  LabelSet set;
  for (const std::string& name : names) {
    const auto placed = atlas.layout(name, kLabelGlyphs - 4);
    const float width = placed.empty() ? 0 : placed.back().pen + atlas.advances[placed.back().glyph];
    set.classes.push_back({uint32_t(set.runs.size()), uint32_t(placed.size()), width,
                           class_color_packed(int32_t(set.classes.size()))});
    set.runs.insert(set.runs.end(), placed.begin(), placed.end());
  }
  if (set.classes.empty()) set.classes.push_back({0, 0, 0, class_color_packed(0)});
  TARSIER_TRY(set.class_buffer, upload_table(device, set.classes, "class names"));
  TARSIER_TRY(set.run_buffer, upload_table(device, set.runs, "class name glyphs"));
  return set;
}

}  // namespace

float text_pixels(uint32_t picture_height) {
  return std::round(std::clamp(13.0F + (float(picture_height) - 480.0F) / 60.0F, 11.0F, 64.0F));
}

Result<std::shared_ptr<TextTables>> TextTables::create(
    gpu::Device& device, float pixels, const std::vector<std::vector<std::string>>& label_sets) {
  std::u32string extra;
  for (const auto& set : label_sets) {
    for (const std::string& name : set) extra += decode_utf8(name);
  }
  auto tables = std::make_shared<TextTables>();
  tables->size = pixels;
  TARSIER_TRY(const auto font, find_font());
  TARSIER_TRY(tables->atlas, bake_glyphs(font, pixels, extra));
  const GlyphAtlas& atlas = tables->atlas;
  TARSIER_TRY(tables->image, gpu::Image::create(device, {.width = atlas.width,
                                                         .height = atlas.height,
                                                         .format = gpu::Format::kR8,
                                                         .color_target = false,
                                                         .name = "glyph atlas"}));
  TARSIER_TRY(const gpu::Buffer staging, upload_table(device, atlas.texels, "glyph texels"));
  TARSIER_CHECK(device.run_once([&](gpu::CommandList& list) {
    list.image_barrier(tables->image, gpu::ImageUse::kUndefined, gpu::ImageUse::kTransferWrite);
    list.copy_to_image(staging, 0, tables->image);
    list.image_barrier(tables->image, gpu::ImageUse::kTransferWrite, gpu::ImageUse::kSampled);
  }));
  const gpu::TextureSet::Texture texture{&tables->image, gpu::Filter::kNearest};
  TARSIER_TRY(tables->textures, gpu::TextureSet::create(device, std::span(&texture, 1)));
  TARSIER_TRY(tables->glyphs, upload_table(device, atlas.glyphs, "glyphs"));
  for (const auto& names : label_sets) {
    TARSIER_TRY(auto set, make_set(device, atlas, names));
    tables->sets.push_back(std::move(set));
  }
  return tables;
}

Quad TextTables::glyph_quad(uint32_t glyph, float x, float y, const float (&color)[4]) const {
  const Glyph& one = atlas.glyphs[glyph];
  Quad quad{{}, {}, {1, 1, 0, kGlyphKind}, {color[0], color[1], color[2], color[3]}};
  for (size_t i = 0; i < 4; ++i) {
    quad.place[i] = one.quad[i] + (i % 2 == 0 ? x : y);
    quad.inside[i] = one.texels[i];
  }
  return quad;
}

}  // namespace tarsier::present
