#version 460
#extension GL_GOOGLE_include_directive : require
// Ends a matrix product whose k was split among workgroups: adds the parts, then alpha, C and the post-ops. One
// invocation an element. Behind matmul_tiled.comp.
#include "activation.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 2) const uint kWithC = 0u;
layout(constant_id = 3) const uint kSplits = 2u;

layout(push_constant, std430) uniform Push {
  uint64_t partial, c, target;
  uint count, m, n;
  uint c_row, c_column;
  float alpha, beta;
  uint reserved;
  POST_PUSH
} pc;

void main() {
  const uint item = flat_group() * 64u + gl_LocalInvocationID.x;
  if (item >= pc.count) return;
  float sum = 0.0;
  for (uint s = 0u; s < kSplits; ++s) sum += load_float(pc.partial + uint64_t(s) * uint64_t(pc.count) * 4ul, item);
  sum *= pc.alpha;
  if (kWithC != 0u) {
    const uint row = item / pc.n, column = item - row * pc.n;
    sum += pc.beta * load_float(pc.c, row % pc.m * pc.c_row + column * pc.c_column);
  }
  store_float(pc.target, item, apply_post_ops(vec4(sum), 0u, 0u, 0u).x);
}
