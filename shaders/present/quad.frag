// A glyph out of the atlas, a filled tag, or a piece of a box's edge: a coloured line between two dark rims. Shapes are
// anti-aliased by their distance.
#version 460
#include "present_types.glsl"

layout(set = 0, binding = 0) uniform sampler2D atlas;

layout(push_constant) uniform Push {
  vec2 frame;
  float line;
  float outline;
} push;

layout(location = 0) in vec2 in_inside;
layout(location = 1) in flat vec4 in_shape;
layout(location = 2) in flat vec4 in_color;
layout(location = 0) out vec4 out_color;

const float kRimOpacity = 0.5;

/// Signed distance to a rectangle with rounded corners, centred at the origin.
float rounded_rectangle(vec2 point, vec2 half_size, float radius) {
  vec2 q = abs(point) - half_size + radius;
  return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - radius;
}

/// Coverage of the dash that this point of the edge is in, 0 between dashes. They start at the middle of each edge, so
/// that a box looks the same on both sides.
float dash() {
  vec2 beyond = abs(in_inside) - in_shape.xy;
  float along = beyond.y > beyond.x ? in_inside.x : in_inside.y;
  float period = 12.0 * push.line;
  return clamp(period * (0.3 - abs(fract(along / period + 0.5) - 0.5)) + 0.5, 0.0, 1.0);
}

void main() {
  float away = rounded_rectangle(in_inside, in_shape.xy, in_shape.z);
  if (in_shape.w >= kOutline) {
    away = abs(away);
    float line = clamp(push.line + 0.5 - away, 0.0, 1.0);
    float rim = clamp(push.line + push.outline + 0.5 - away, 0.0, 1.0) * kRimOpacity;
    float shown = in_shape.w == kDashed ? dash() * in_color.a : in_color.a;
    out_color = vec4(in_color.rgb * line, max(line, rim) * shown);
  } else {
    float coverage = in_shape.w == kGlyph ? texelFetch(atlas, ivec2(in_inside), 0).r : clamp(0.5 - away, 0.0, 1.0);
    out_color = vec4(in_color.rgb, in_color.a * coverage);
  }
}
