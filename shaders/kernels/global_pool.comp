#version 460
#extension GL_GOOGLE_include_directive : require
// Sum, mean or maximum over H and W of kC4 planes; engine/kernels/reduce.cpp. One lane owns one plane: lanes
// are few, but nothing is shared between them.
#include "activation.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 2) const uint kOp = 0u;  // 0 sum, 1 mean, 2 maximum
layout(constant_id = 3) const uint kHalfIn = 0u;
layout(constant_id = 4) const uint kHalfOut = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint planes, count, groups, channels;
  POST_PUSH
} pc;

vec4 take(vec4 total, vec4 x) { return kOp == 2u ? max(total, x) : total + x; }

void main() {
  const uint plane = gl_GlobalInvocationID.x;
  if (plane >= pc.planes) return;
  const uint base = plane * pc.count;
  // Four chains: shorter sums round less, and loads overlap.
  const vec4 start = vec4(kOp == 2u ? uintBitsToFloat(0xFF800000u) : 0.0);
  vec4 a = start, b = start, c = start, d = start;
  uint p = 0u;
  for (; p + 4u <= pc.count; p += 4u) {
    a = take(a, load_group(pc.source, base + p, kHalfIn));
    b = take(b, load_group(pc.source, base + p + 1u, kHalfIn));
    c = take(c, load_group(pc.source, base + p + 2u, kHalfIn));
    d = take(d, load_group(pc.source, base + p + 3u, kHalfIn));
  }
  for (; p < pc.count; ++p) a = take(a, load_group(pc.source, base + p, kHalfIn));
  vec4 x = take(take(a, b), take(c, d));
  if (kOp == 1u) x /= float(pc.count);
  const uint channel_group = plane % pc.groups;
  x = mask_channels(apply_post_ops(x, plane, plane, channel_group), channel_group, pc.channels);
  store_group(pc.target, plane, x, kHalfOut);
}
