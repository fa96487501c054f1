// What drawing passes share: text tables and quads (present/scene_renderer.cpp declares the same ones).
#ifndef TARSIER_PRESENT_TYPES
#define TARSIER_PRESENT_TYPES
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require

struct ClassEntry {
  uint first;  // of its name in Runs
  uint count;  // glyphs of the name
  float width; // of the name, pixels
  uint color;  // R in the low byte
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Classes { ClassEntry items[]; };

struct RunGlyph {
  uint glyph;
  float pen;  // pixels from the start of the name
};
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Runs { RunGlyph items[]; };

struct Glyph {
  vec4 quad;    // x0, y0, x1, y1 in pixels from the pen on the baseline; y down
  vec4 texels;  // the same corners in the atlas
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Glyphs { Glyph items[]; };

const float kGlyph = 0.0;      // `inside` runs over the atlas's texels
const float kRectangle = 1.0;  // filled, rounded; `inside` is the point from its centre
const float kOutline = 2.0;    // part of a box's edge; `inside` is the point from the box's centre
const float kDashed = 3.0;     // the same, dashed

/// One instance of present/quad.vert.
struct Quad {
  vec4 place;   // x0, y0, x1, y1 in pixels of the picture
  vec4 inside;  // the same corners in the shape's own coordinates
  vec4 shape;   // half width, half height, corner radius, kind
  vec4 color;
};
#endif
