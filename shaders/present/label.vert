// One instance a detection: a tag above its box with "name 0.87". Quad 0 is the tag, quads 1..24 are glyphs: the name
// from the class table, then the score's four. Quads that a label does not need lie outside of the picture.
#version 460
#include "present_types.glsl"

layout(push_constant) uniform Push {
  uvec2 detections;
  uvec2 classes;
  uvec2 runs;
  uvec2 glyphs;
  vec2 frame;
  uint class_count;
  uint digit_zero;   // glyph of '0'; the other digits follow
  uint full_stop;    // glyph of '.'
  float digit_width;
  float stop_width;
  float space_width;
  float ascent;      // baseline below the tag's inner top, pixels
  float text_height;
  float padding;     // beside the text
  float lift;        // half the box's line, so that tag and line join
} push;

layout(location = 0) out vec2 out_texel;
layout(location = 1) out vec2 out_point;
layout(location = 2) out flat vec2 out_half_size;
layout(location = 3) out flat vec4 out_color;
layout(location = 4) out flat uint out_is_glyph;

void main() {
  Detections detections = Detections(push.detections);
  uint index = detections.count - 1u - min(uint(gl_InstanceIndex), detections.count - 1u);
  vec4 box = detections.items[index].box;
  uint class_id = min(uint(max(detections.items[index].class_id, 0)), push.class_count - 1u);
  ClassEntry entry = Classes(push.classes).items[class_id];
  uint quad = uint(gl_VertexIndex) / 6u;
  vec2 corner = corner_of(uint(gl_VertexIndex) % 6u);

  float score_at = entry.width + push.space_width;
  vec2 size = vec2(ceil(score_at + 3.0 * push.digit_width + push.stop_width + 2.0 * push.padding), push.text_height);
  // Above the box; inside it where the picture ends; never beyond the picture's sides. Whole pixels keep text crisp.
  vec2 origin = vec2(box.x - push.lift, box.y - push.lift - size.y);
  if (origin.y < 0.0) origin.y = max(box.y, 0.0) + push.lift;
  origin = floor(clamp(origin, vec2(0.0), max(push.frame - size, vec2(0.0))) + 0.5);

  vec4 color = unpack_color(entry.color);
  out_point = (corner - 0.5) * size;
  out_half_size = 0.5 * size;
  out_texel = vec2(0.0);
  out_is_glyph = 0u;
  out_color = vec4(color.rgb, 0.92);
  vec2 pixel = origin + corner * size;
  if (quad > 0u) {
    uint at = quad - 1u;
    uint glyph_id;
    float pen;
    if (at < entry.count) {
      RunGlyph run = Runs(push.runs).items[entry.first + at];
      glyph_id = run.glyph;
      pen = run.pen;
    } else if (at < entry.count + 4u) {
      uint hundredths = uint(clamp(detections.items[index].score, 0.0, 1.0) * 100.0 + 0.5);
      uint place = at - entry.count;
      uint digit = place == 0u ? hundredths / 100u : place == 2u ? hundredths / 10u % 10u : hundredths % 10u;
      glyph_id = place == 1u ? push.full_stop : push.digit_zero + digit;
      pen = score_at + (place == 0u ? 0.0 : push.digit_width) +
            (place < 2u ? 0.0 : push.stop_width + float(place - 2u) * push.digit_width);
    } else {
      gl_Position = vec4(2.0, 2.0, 0.0, 1.0);
      return;
    }
    Glyph glyph = Glyphs(push.glyphs).items[glyph_id];
    pixel = origin + vec2(floor(push.padding + pen + 0.5), push.ascent) + mix(glyph.quad.xy, glyph.quad.zw, corner);
    out_texel = mix(glyph.texels.xy, glyph.texels.zw, corner);
    out_is_glyph = 1u;
    // Dark text on light tags, light text on dark ones (Rec. 709 luma).
    float luma = dot(color.rgb, vec3(0.2126, 0.7152, 0.0722));
    out_color = luma > 0.45 ? vec4(0.03, 0.04, 0.05, 1.0) : vec4(1.0);
  }
  gl_Position = to_clip(pixel, push.frame);
}
