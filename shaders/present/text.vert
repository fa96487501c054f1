// One instance a glyph or a rounded rectangle, placed by the host: the status line.
#version 460
#include "present_types.glsl"

struct TextQuad {
  vec4 place;  // of a rectangle: x0, y0, x1, y1; of a glyph: pen x and baseline y
  uint glyph;  // 0xFFFFFFFF: a rectangle
  uint color;
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer TextQuads { TextQuad items[]; };

layout(push_constant) uniform Push {
  uvec2 quads;
  uvec2 glyphs;
  vec2 frame;
} push;

layout(location = 0) out vec2 out_texel;
layout(location = 1) out vec2 out_point;
layout(location = 2) out flat vec2 out_half_size;
layout(location = 3) out flat vec4 out_color;
layout(location = 4) out flat uint out_is_glyph;

void main() {
  TextQuad quad = TextQuads(push.quads).items[gl_InstanceIndex];
  vec2 corner = corner_of(uint(gl_VertexIndex) % 6u);
  vec4 place = quad.place;
  out_texel = vec2(0.0);
  out_is_glyph = quad.glyph == 0xFFFFFFFFu ? 0u : 1u;
  if (out_is_glyph == 1u) {
    Glyph glyph = Glyphs(push.glyphs).items[quad.glyph];
    place = glyph.quad + place.xyxy;
    out_texel = mix(glyph.texels.xy, glyph.texels.zw, corner);
  }
  out_half_size = 0.5 * (place.zw - place.xy);
  out_point = (corner - 0.5) * (place.zw - place.xy);
  out_color = unpack_color(quad.color);
  gl_Position = to_clip(mix(place.xy, place.zw, corner), push.frame);
}
