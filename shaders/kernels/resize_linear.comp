#version 460
#extension GL_GOOGLE_include_directive : require
// Bilinear Resize of kC4 planes by tables of taps; engine/kernels/resize.cpp.
#include "activation.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 2) const uint kHalfIn = 0u;
layout(constant_id = 3) const uint kHalfOut = 0u;
layout(constant_id = 4) const uint kFlags = 0u;  // 1: mask padding channels, 2: one output column

layout(push_constant, std430) uniform Push {
  uint64_t source, target, rows, columns;
  uint count, width, magic, shift;
  uint source_plane, source_width;
  uint groups, channels;
  POST_PUSH
} pc;

void main() {
  const uint p = gl_GlobalInvocationID.x;
  if (p >= pc.count) return;
  const uint plane = gl_WorkGroupID.y;
  const uint y = (kFlags & 2u) != 0u ? p : fast_divide(p, pc.magic, pc.shift), x = p - y * pc.width;
  // Tap in resize.cpp: low, high, weight.
  const uint base = plane * pc.source_plane;
  const uint top = base + load_word(pc.rows, y * 3u) * pc.source_width;
  const uint bottom = base + load_word(pc.rows, y * 3u + 1u) * pc.source_width;
  const uint left = load_word(pc.columns, x * 3u), right = load_word(pc.columns, x * 3u + 1u);
  const float down = load_float(pc.rows, y * 3u + 2u), across = load_float(pc.columns, x * 3u + 2u);
  const vec4 a = load_group(pc.source, top + left, kHalfIn), b = load_group(pc.source, top + right, kHalfIn);
  const vec4 c = load_group(pc.source, bottom + left, kHalfIn);
  const vec4 d = load_group(pc.source, bottom + right, kHalfIn);
  const vec4 upper = a + (b - a) * across, lower = c + (d - c) * across;
  const uint group = plane * pc.count + p, channel_group = plane % pc.groups;
  vec4 value = apply_post_ops(upper + (lower - upper) * down, group, plane, channel_group);
  if ((kFlags & 1u) != 0u) value = mask_channels(value, channel_group, pc.channels);
  store_group(pc.target, group, value, kHalfOut);
}
