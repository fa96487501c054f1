#version 460
#extension GL_GOOGLE_include_directive : require
// DepthToSpace, 2 x 2 blocks, mode CRD, from channel groups to row-major NCHW: a group is the block of one output
// channel; engine/kernels/strided.cpp.
#include "activation.glsl"

layout(local_size_x_id = 3) in;
layout(constant_id = 2) const uint kHalfIn = 0u;
layout(constant_id = 3) const uint kWidth = 64u;
layout(constant_id = 4) const uint kGuard = 1u;  // Coverage in operator.hpp

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint count, width, magic, shift;  // pixels of an input plane, its columns
  uint flags, reserved;             // 1: one column
  POST_PUSH
} pc;

void main() {
  const uint plane = gl_WorkGroupID.y;
  const uint first = gl_WorkGroupID.x * (kWidth * 4u) + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    uint p = first + j * kWidth;
    if (kGuard != 0u && p >= pc.count) return;
    p = min(p, pc.count - 1u);
    const uint y = pc.flags != 0u ? p : fast_divide(p, pc.magic, pc.shift), x = p - y * pc.width;
    const vec4 block = apply_post_ops(load_group(pc.source, plane * pc.count + p, kHalfIn), 0u, 0u, 0u);
    const uint top = plane * pc.count * 4u + y * pc.width * 4u + x * 2u;
    LongRef(pc.target + uint64_t(top) * 4ul).v = packUint2x32(floatBitsToUint(block.xy));
    LongRef(pc.target + uint64_t(top + pc.width * 2u) * 4ul).v = packUint2x32(floatBitsToUint(block.zw));
  }
}
