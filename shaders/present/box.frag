// A coloured line between two dark rims, anti-aliased by its distance to the box's edge.
#version 460
#include "present_types.glsl"

layout(push_constant) uniform Push {
  uvec2 detections;
  uvec2 classes;
  vec2 frame;
  uint class_count;
  float line;
  float outline;
  float radius;
} push;

layout(location = 0) in vec2 in_point;
layout(location = 1) in flat vec2 in_half_size;
layout(location = 2) in flat vec4 in_color;
layout(location = 0) out vec4 out_color;

const float kRimOpacity = 0.5;

void main() {
  float radius = min(push.radius, min(in_half_size.x, in_half_size.y));
  float away = abs(rounded_rectangle(in_point, in_half_size, radius));
  float line = clamp(push.line + 0.5 - away, 0.0, 1.0);
  float rim = clamp(push.line + push.outline + 0.5 - away, 0.0, 1.0) * kRimOpacity;
  float alpha = max(line, rim);
  out_color = vec4(in_color.rgb * line, alpha);
}
