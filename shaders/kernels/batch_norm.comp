#version 460
#extension GL_GOOGLE_include_directive : require
// y = x * scale[c] + shift[c]; engine/kernels/batch_norm.cpp.
#include "activation.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 2) const uint kGroups = 0u;  // 1: kC4, 0: row-major words
layout(constant_id = 3) const uint kHalfIn = 0u;
layout(constant_id = 4) const uint kHalfOut = 0u;
layout(constant_id = 5) const uint kInnerOne = 0u;
layout(constant_id = 6) const uint kOneChannel = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target, scale, shift;
  uint count, inner_magic, inner_shift;
  uint channels, channel_magic, channel_shift;  // with kGroups, channel_magic is the number of groups
  POST_PUSH
} pc;

void main() {
  if (kGroups != 0u) {
    const uint p = gl_GlobalInvocationID.x;
    if (p >= pc.count) return;
    const uint plane = gl_WorkGroupID.y, group = plane * pc.count + p;
    const uint c = plane % pc.channel_magic;
    vec4 x = load_group(pc.source, group, kHalfIn) * load_group(pc.scale, c, 0u) + load_group(pc.shift, c, 0u);
    // Scale and shift are padded with zeros; a post-op may still move the padding channels.
    x = mask_channels(apply_post_ops(x, group, plane, c), c, pc.channels);
    store_group(pc.target, group, x, kHalfOut);
    return;
  }
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint row = kInnerOne != 0u ? i : fast_divide(i, pc.inner_magic, pc.inner_shift);
  const uint outer = kOneChannel != 0u ? row : fast_divide(row, pc.channel_magic, pc.channel_shift);
  const uint c = row - outer * pc.channels;
  const vec4 x = vec4(load_float(pc.source, i) * load_float(pc.scale, c) + load_float(pc.shift, c));
  store_float(pc.target, i, apply_post_ops(x, 0u, 0u, 0u).x);
}
