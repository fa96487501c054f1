#version 460
#extension GL_GOOGLE_include_directive : require
// LRN in channel groups; engine/kernels/lrn.cpp. A lane computes four channels of one pixel.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kHalfIn = 0u;
layout(constant_id = 1) const uint kHalfOut = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint count, plane, groups, channels;
  int below, above;
  float alpha, beta, bias;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const int g = int((i / pc.plane) % pc.groups);
  const ivec4 own = ivec4(0, 1, 2, 3);
  // Padding channels hold zero: their squares add nothing.
  const int first = max((g * 4 - pc.below - 3) / 4, 0);
  const int last = min((g * 4 + 3 + pc.above) / 4, int(pc.groups) - 1);
  vec4 sum = vec4(0.0);
  for (int k = first; k <= last; ++k) {
    const vec4 x = load_group(pc.source, uint(int(i) + (k - g) * int(pc.plane)), kHalfIn);
    const vec4 squares = x * x;
    [[unroll]] for (int j = 0; j < 4; ++j) {
      const ivec4 apart = (k - g) * 4 + j - own;
      const bvec4 near = bvec4(uvec4(greaterThanEqual(apart, ivec4(-pc.below))) * uvec4(lessThanEqual(apart, ivec4(pc.above))));
      sum += mix(vec4(0.0), vec4(squares[j]), near);
    }
  }
  const vec4 x = load_group(pc.source, i, kHalfIn);
  // 0 over a sum of nothing, with a bias of 0, or over a neighbour's NaN: padding channels stay zero.
  const vec4 y = x / pow(pc.bias + pc.alpha * sum, vec4(pc.beta));
  store_group(pc.target, i, mask_channels(y, uint(g), pc.channels), kHalfOut);
}
