// Text at one size, with the class names laid out in it: for the device, which writes the labels of
// detections, and for the host, which writes those of tracks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gpu/device.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "gpu/image.hpp"
#include "present/glyphs.hpp"

namespace tarsier::present {

/// As in shaders/include/present_types.glsl: one instance of present/quad.vert.
struct Quad {
  float place[4], inside[4], shape[4], color[4];
};
static_assert(sizeof(Quad) == 64);
inline constexpr float kGlyphKind = 0;
inline constexpr float kRectangleKind = 1;
inline constexpr float kOutlineKind = 2;
inline constexpr float kDashedKind = 3;

/// Where the quads of a buffer begin, behind its indirect command.
inline constexpr uint64_t kQuadsOffset = 32;
/// Half the width of a box's line in a picture of this size.
[[nodiscard]] inline float line_pixels(uint32_t width, uint32_t height) {
  return std::max(1.0F, std::round(float(std::min(width, height)) / 360.0F) / 2);
}

/// As there, too.
struct ClassEntry {
  uint32_t first, count;  // of its name in the runs
  float width;
  uint32_t color;
};

/// The names of one detector's classes.
struct LabelSet {
  std::vector<ClassEntry> classes;  // at least one
  std::vector<PlacedGlyph> runs;
  gpu::Buffer class_buffer, run_buffer;  // the same on the device
};

/// Height of text in a picture, readable at the size that it is usually shown in: 13 pixels at 480 rows, 17
/// at 720, 23 at 1080.
[[nodiscard]] float text_pixels(uint32_t picture_height);

struct TextTables {
  GlyphAtlas atlas;
  gpu::Image image;
  gpu::TextureSet textures;
  gpu::Buffer glyphs;
  std::vector<LabelSet> sets;
  float size = 0;  // pixels

  /// Errors: no font (kInput), no memory.
  static Result<std::shared_ptr<TextTables>> create(gpu::Device& device, float pixels,
                                                    const std::vector<std::vector<std::string>>& label_sets);
  /// A glyph of the atlas with the pen at (x, y) of the picture, whole pixels.
  [[nodiscard]] Quad glyph_quad(uint32_t glyph, float x, float y, const float (&color)[4]) const;
};

}  // namespace tarsier::present
