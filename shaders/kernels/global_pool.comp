#version 460
#extension GL_GOOGLE_include_directive : require
// Sum, mean or maximum over H and W of kC4 planes; engine/kernels/reduce.cpp. kLanes lanes own
// a plane: one where there are many planes, a workgroup where there are few.
#include "activation.glsl"

layout(local_size_x_id = 5) in;
layout(constant_id = 2) const uint kOp = 0u;  // 0 sum, 1 mean, 2 maximum
layout(constant_id = 3) const uint kHalfIn = 0u;
layout(constant_id = 4) const uint kHalfOut = 0u;
layout(constant_id = 5) const uint kWidth = 8u;
layout(constant_id = 6) const uint kLanes = 1u;  // 1 or kWidth

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint planes, count, groups, channels;
  POST_PUSH
} pc;

vec4 take(vec4 total, vec4 x) { return kOp == 2u ? max(total, x) : total + x; }

shared vec4 parts[kWidth];

void main() {
  const uint plane = kLanes == 1u ? gl_GlobalInvocationID.x : gl_WorkGroupID.x;
  if (kLanes == 1u && plane >= pc.planes) return;
  const uint base = plane * pc.count, lane = kLanes == 1u ? 0u : gl_LocalInvocationID.x;
  // Four chains: shorter sums round less, and loads overlap.
  const vec4 start = vec4(kOp == 2u ? uintBitsToFloat(0xFF800000u) : 0.0);
  vec4 a = start, b = start, c = start, d = start;
  const uint rounds = pc.count / (4u * kLanes);
  uint p = base + lane;
  for (uint i = 0u; i < rounds; ++i) {
    a = take(a, load_group(pc.source, p, kHalfIn));
    b = take(b, load_group(pc.source, p + kLanes, kHalfIn));
    c = take(c, load_group(pc.source, p + 2u * kLanes, kHalfIn));
    d = take(d, load_group(pc.source, p + 3u * kLanes, kHalfIn));
    p += 4u * kLanes;
  }
  for (; p < base + pc.count; p += kLanes) a = take(a, load_group(pc.source, p, kHalfIn));
  vec4 x = take(take(a, b), take(c, d));
  if (kLanes != 1u) {
    parts[lane] = x;
    barrier();
    if (lane != 0u) return;
    for (uint i = 1u; i < kLanes; ++i) x = take(x, parts[i]);
  }
  if (kOp == 1u) x /= float(pc.count);
  const uint channel_group = plane % pc.groups;
  x = mask_channels(apply_post_ops(x, plane, plane, channel_group), channel_group, pc.channels);
  store_group(pc.target, plane, x, kHalfOut);
}
