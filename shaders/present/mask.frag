// A soft mask at the network's resolution over the frame: filled where it is above its threshold, with an edge one
// pixel soft and a slightly stronger rim.
#version 460

layout(constant_id = 0) const bool kPlain = false;  // well inside: neither edge nor rim

layout(set = 0, binding = 0) uniform sampler2D mask;

layout(push_constant) uniform Push {
  vec2 scale;   // texture coordinate = pixel * scale + offset
  vec2 offset;
  vec4 color;   // a: opacity
  vec2 frame;
  float threshold;
} push;

layout(location = 0) out vec4 out_color;

void main() {
  if (kPlain) {
    out_color = push.color;
    return;
  }
  vec2 uv = gl_FragCoord.xy * push.scale + push.offset;
  float value = texture(mask, uv).r;
  float slope = max(fwidth(value), 1.0 / 255.0);
  float away = (value - push.threshold) / slope;  // pixels from the edge, positive inside
  float inside = clamp(away + 0.5, 0.0, 1.0);
  float rim = clamp(2.0 - abs(away - 1.0), 0.0, 1.0);
  out_color = vec4(push.color.rgb, inside * mix(push.color.a, min(push.color.a * 1.6, 1.0), rim));
}
