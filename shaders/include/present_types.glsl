// What the drawing shaders read by address: detections (vision/types.hpp) and text tables (present/glyphs.hpp).
#ifndef TARSIER_PRESENT_TYPES
#define TARSIER_PRESENT_TYPES
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require

struct DrawnDetection {
  vec4 box;  // x0, y0, x1, y1 in pixels of the frame
  float score;
  int class_id;
  int source_index;
  int reserved;
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Detections {
  uint count;
  uint head[15];
  DrawnDetection items[];
};

struct ClassEntry {
  uint first;    // of its name in Runs
  uint count;    // glyphs of the name
  float width;   // of the name, pixels
  uint color;    // R in the low byte
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Classes { ClassEntry items[]; };

struct RunGlyph {
  uint glyph;
  float pen;  // pixels from the start of the name
};
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Runs { RunGlyph items[]; };

struct Glyph {
  vec4 quad;  // x0, y0, x1, y1 in pixels from the pen on the baseline; y down
  vec4 texels;  // the same corners in the atlas
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Glyphs { Glyph items[]; };

vec4 unpack_color(uint color) { return unpackUnorm4x8(color); }

/// Corner 0..5 of two triangles, as (0|1, 0|1).
vec2 corner_of(uint vertex) {
  return vec2((0x1Au >> vertex) & 1u, (0x34u >> vertex) & 1u);
}

/// Pixels of the frame to clip space.
vec4 to_clip(vec2 pixel, vec2 frame) { return vec4(pixel / frame * 2.0 - 1.0, 0.0, 1.0); }

/// Signed distance to a rectangle with rounded corners, centred at the origin.
float rounded_rectangle(vec2 point, vec2 half_size, float radius) {
  vec2 q = abs(point) - half_size + radius;
  return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - radius;
}
#endif
