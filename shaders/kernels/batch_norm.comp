#version 460
#extension GL_GOOGLE_include_directive : require
// y = x * scale[c] + shift[c]; engine/kernels/batch_norm.cpp.
#include "activation.glsl"

layout(local_size_x_id = 7) in;
layout(constant_id = 2) const uint kGroups = 0u;  // 1: kC4, 0: row-major words
layout(constant_id = 3) const uint kHalfIn = 0u;
layout(constant_id = 4) const uint kHalfOut = 0u;
layout(constant_id = 5) const uint kInnerOne = 0u;
layout(constant_id = 6) const uint kOneChannel = 0u;
layout(constant_id = 7) const uint kWidth = 64u;
layout(constant_id = 8) const uint kPerLane = 4u;
layout(constant_id = 9) const uint kGuard = 1u;  // Coverage in operator.hpp

layout(push_constant, std430) uniform Push {
  uint64_t source, target, scale, shift;
  uint count, inner_magic, inner_shift;
  uint channels, channel_magic, channel_shift;  // with kGroups, channel_magic is the number of groups
  POST_PUSH
} pc;

void main() {
  const uint plane = kGroups != 0u ? gl_WorkGroupID.y : 0u;
  const uint first = (kGroups != 0u ? gl_WorkGroupID.x : flat_group()) * (kWidth * kPerLane) + gl_LocalInvocationID.x;
  vec4 scale = vec4(0.0), shift = vec4(0.0);
  const uint channel_group = kGroups != 0u ? plane % pc.channel_magic : 0u;
  if (kGroups != 0u) {
    scale = load_group(pc.scale, channel_group, 0u);
    shift = load_group(pc.shift, channel_group, 0u);
  }
  [[unroll]] for (uint j = 0u; j < kPerLane; ++j) {
    const uint i = first + j * kWidth;
    if (kGuard != 0u && i >= pc.count) return;
    if (kGroups != 0u) {
      const uint group = plane * pc.count + i;
      const vec4 x = load_group(pc.source, group, kHalfIn) * scale + shift;
      // Scale and shift are padded with zeros; a post-op may still move the padding channels.
      store_group(pc.target, group,
                  mask_channels(apply_post_ops(x, group, plane, channel_group), channel_group, pc.channels),
                  kHalfOut);
    } else {
      const uint row = kInnerOne != 0u ? i : fast_divide(i, pc.inner_magic, pc.inner_shift);
      const uint outer = kOneChannel != 0u ? row : fast_divide(row, pc.channel_magic, pc.channel_shift);
      const uint c = row - outer * pc.channels;
      const vec4 x = vec4(load_float(pc.source, i) * load_float(pc.scale, c) + load_float(pc.shift, c));
      store_float(pc.target, i, apply_post_ops(x, 0u, 0u, 0u).x);
    }
  }
}
