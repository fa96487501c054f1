#version 460
#extension GL_GOOGLE_include_directive : require
// Weighted sums along one axis, by tables of taps; engine/kernels/resize.cpp. The tensor is seen as
// [outer][extent][inner] of words or, in channel groups, of groups.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kGroups = 0u;
layout(constant_id = 1) const uint kHalfIn = 0u;
layout(constant_id = 2) const uint kHalfOut = 0u;
layout(constant_id = 3) const uint kFlags = 0u;  // 1: inner is 1, 2: extent is 1, 4: mask padding channels

layout(push_constant, std430) uniform Push {
  uint64_t source, target, indices, weights;
  uint count, inner, inner_magic, inner_shift;
  uint extent, extent_magic, extent_shift, source_extent;
  uint taps;
  float fill;
  uint plane, channels;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint row = (kFlags & 1u) != 0u ? i : fast_divide(i, pc.inner_magic, pc.inner_shift);
  const uint outer = (kFlags & 2u) != 0u ? row : fast_divide(row, pc.extent_magic, pc.extent_shift);
  const uint o = row - outer * pc.extent, lane = i - row * pc.inner, base = outer * pc.source_extent;
  const bool outside = load_int(pc.indices, o * pc.taps) < 0;
  vec4 sum = vec4(0.0);
  for (uint k = 0u; k < pc.taps; ++k) {
    const uint tap = o * pc.taps + k;
    const uint at = (base + uint(max(load_int(pc.indices, tap), 0))) * pc.inner + lane;
    const float weight = load_float(pc.weights, tap);
    // A tap without weight takes nothing, be it infinite.
    const vec4 x = kGroups != 0u ? load_group(pc.source, at, kHalfIn) : vec4(load_float(pc.source, at));
    sum += weight == 0.0 ? vec4(0.0) : weight * x;
  }
  if (outside) sum = vec4(pc.fill);
  if (kGroups != 0u) {
    if ((kFlags & 4u) != 0u) sum = mask_channels(sum, (i / pc.plane) % ((pc.channels + 3u) / 4u), pc.channels);
    store_group(pc.target, i, sum, kHalfOut);
  } else {
    store_float(pc.target, i, sum.x);
  }
}
