// A line, anti-aliased: with round ends, or cut where its points are, so that lines that meet do not add up.
#version 460

layout(location = 0) in vec2 in_at;
layout(location = 1) in flat vec4 in_shape;
layout(location = 2) in vec4 in_color;
layout(location = 0) out vec4 out_color;

const float kRimOpacity = 0.35;

void main() {
  float beyond = max(-in_at.x, in_at.x - in_shape.x);
  float away = in_shape.z != 0.0 ? length(vec2(max(beyond, 0.0), in_at.y)) : abs(in_at.y);
  float ends = in_shape.z != 0.0 ? 1.0 : clamp(0.5 - beyond, 0.0, 1.0);
  float line = clamp(in_shape.y + 0.5 - away, 0.0, 1.0) * ends;
  float rim = in_shape.w > 0.0 ? clamp(in_shape.y + in_shape.w + 0.5 - away, 0.0, 1.0) * kRimOpacity : 0.0;
  float opacity = max(line, rim);
  out_color = vec4(in_color.rgb * line / max(opacity, 1e-3), opacity * in_color.a);
}
