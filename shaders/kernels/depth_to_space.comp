#version 460
#extension GL_GOOGLE_include_directive : require
// DepthToSpace out of channel groups; engine/kernels/strided.cpp. Mode CRD with 2 x 2 blocks makes row-major NCHW: a
// group is the block of one output channel. Mode DCR makes channel groups: they move as they are.
#include "activation.glsl"

layout(local_size_x_id = 3) in;
layout(constant_id = 2) const uint kHalfIn = 0u;
layout(constant_id = 3) const uint kWidth = 64u;
layout(constant_id = 4) const uint kGuard = 1u;  // Coverage in operator.hpp
layout(constant_id = 5) const uint kHalfOut = 0u;
layout(constant_id = 6) const uint kBlock = 0u;   // DCR: its side

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint count, width, magic, shift;  // pixels of an input plane, its columns
  uint flags, groups;               // 1: one column; DCR: channel groups of the output
  POST_PUSH
} pc;

void open_block(uint plane, uint p, uint y, uint x) {
  const vec4 block = apply_post_ops(load_group(pc.source, plane * pc.count + p, kHalfIn), 0u, 0u, 0u);
  const uint top = plane * pc.count * 4u + y * pc.width * 4u + x * 2u;
  LongRef(pc.target + uint64_t(top) * 4ul).v = packUint2x32(floatBitsToUint(block.xy));
  LongRef(pc.target + uint64_t(top + pc.width * 2u) * 4ul).v = packUint2x32(floatBitsToUint(block.zw));
}

void move_groups(uint plane, uint p, uint y, uint x) {
  const uint image = plane / pc.groups, group = plane - image * pc.groups;
  for (uint phase = 0u; phase < kBlock * kBlock; ++phase) {
    const uint by = phase / kBlock, bx = phase % kBlock;
    const uint from = ((image * kBlock * kBlock + phase) * pc.groups + group) * pc.count + p;
    const uint to = (plane * pc.count * kBlock + (y * kBlock + by) * pc.width + x) * kBlock + bx;
    store_group(pc.target, to, apply_post_ops(load_group(pc.source, from, kHalfIn), 0u, 0u, 0u), kHalfOut);
  }
}

void main() {
  const uint plane = gl_WorkGroupID.y;
  const uint first = gl_WorkGroupID.x * (kWidth * 4u) + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    uint p = first + j * kWidth;
    if (kGuard != 0u && p >= pc.count) return;
    p = min(p, pc.count - 1u);
    const uint y = pc.flags != 0u ? p : fast_divide(p, pc.magic, pc.shift), x = p - y * pc.width;
    if (kBlock != 0u) {
      move_groups(plane, p, y, x);
    } else {
      open_block(plane, p, y, x);
    }
  }
}
