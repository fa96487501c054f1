// A coloured line with a dark rim on either side, anti-aliased across, fading along.
#version 460

layout(push_constant) uniform Push {
  vec2 frame;
  float line;
  float outline;
} push;

layout(location = 0) in vec2 in_across;
layout(location = 1) in flat vec4 in_color;  // alpha: half the line's width
layout(location = 0) out vec4 out_color;

const float kRimOpacity = 0.35;

void main() {
  float away = abs(in_across.x);
  float line = clamp(in_color.a + 0.5 - away, 0.0, 1.0);
  float rim = clamp(in_color.a + push.outline + 0.5 - away, 0.0, 1.0) * kRimOpacity;
  float opacity = max(line, rim);
  out_color = vec4(in_color.rgb * line / max(opacity, 1e-3), opacity * in_across.y);
}
