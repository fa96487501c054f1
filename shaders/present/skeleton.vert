// One instance a bone or a joint: a rectangle around it that landmark_line.frag fills. What the network is not sure of
// has no area.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "landmarks.glsl"

layout(location = 0) in vec4 bone;   // from, to (the same point: a joint), half width in parts of the skeleton's
layout(location = 1) in vec4 color;

layout(push_constant) uniform Push {
  Landmarks body;
  vec2 frame;         // pixels
  float line;         // half the width of a box's line
  float least_score;  // of a point that is drawn
  float reference;    // size, in parts of the frame's shorter side, at which a bone is as wide as `line` says
  uint settled;       // frames from which it is drawn
} push;

layout(location = 0) out vec2 out_at;          // pixels along and across, from where the line begins
layout(location = 1) out flat vec4 out_shape;  // length, half width, whether its ends are round, dark rim
layout(location = 2) out vec4 out_color;

/// From nothing at the least score to all of it a little above.
float opacity_of(uint point) {
  return smoothstep(push.least_score, push.least_score + 0.15, push.body.speeds[point].w);
}

void main() {
  uint from = uint(bone.x), to = uint(bone.y);
  vec2 a = push.body.points[from].xy, b = push.body.points[to].xy;
  float opacity = push.body.tracked >= push.settled ? min(opacity_of(from), opacity_of(to)) : 0.0;
  float near = push.body.size / (push.reference * min(push.frame.x, push.frame.y));
  float half_width = max(push.line * bone.z * clamp(near, 0.45, 1.6), 0.5);
  float rim = clamp(0.8 * push.line * near, 0.5, 1.2 * push.line);
  vec2 corner = vec2((0x1Au >> gl_VertexIndex) & 1u, (0x34u >> gl_VertexIndex) & 1u);
  float length_ = distance(a, b);
  vec2 along = length_ > 1e-3 ? (b - a) / length_ : vec2(1.0, 0.0);
  float reach = half_width + rim + 1.0;
  out_at = vec2(mix(-reach, length_ + reach, corner.x), mix(-reach, reach, corner.y));
  out_shape = vec4(length_, half_width, 1.0, rim);
  out_color = vec4(color.rgb, color.a * opacity);
  vec2 at = a + out_at.x * along + out_at.y * vec2(-along.y, along.x);
  gl_Position = opacity > 0.0 ? vec4(at / push.frame * 2.0 - 1.0, 0.0, 1.0) : vec4(-2.0, -2.0, 0.0, 1.0);
}
