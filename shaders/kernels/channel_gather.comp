#version 460
#extension GL_GOOGLE_include_directive : require
// Channels of kC4 tensors by a table of planes; engine/kernels/channels.cpp.
#include "activation.glsl"

layout(local_size_x_id = 5) in;
layout(constant_id = 2) const uint kHalfIn = 0u;  // 2: bit 3 of a component tells
layout(constant_id = 3) const uint kHalfOut = 0u;
layout(constant_id = 4) const uint kWholeGroups = 0u;  // every output group is one input group
layout(constant_id = 5) const uint kWidth = 64u;
layout(constant_id = 6) const uint kGuard = 1u;  // Coverage in operator.hpp
layout(constant_id = 7) const uint kMask = 0u;   // post-ops move zero: clear the padding channels

struct Entry {
  uint64_t plane[4];
  uint component[4];
};
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer EntryRef { Entry v; };

layout(push_constant, std430) uniform Push {
  uint64_t target, table;
  uint count, groups, channels, reserved;
  POST_PUSH
} pc;

float load_component(uint64_t plane, uint p, uint component) {
  if (kHalfIn == 1u || (kHalfIn == 2u && component >= 8u)) {
    component &= 3u;
    const uint word = load_word(plane, p * 2u + (component >> 1));
    return unpackHalf2x16(word >> ((component & 1u) * 16u)).x;
  }
  return load_float(plane, p * 4u + (component & 3u));
}

void main() {
  const uint plane = gl_WorkGroupID.y;
  const Entry entry = EntryRef(pc.table + uint64_t(plane) * 48ul).v;
  const uint first = gl_WorkGroupID.x * (kWidth * 4u) + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    uint p = first + j * kWidth;
    if (kGuard != 0u && p >= pc.count) return;
    p = min(p, pc.count - 1u);
    vec4 value;
    if (kWholeGroups != 0u) {
      value = load_group(entry.plane[0], p, kHalfIn);
    } else {
      [[unroll]] for (uint k = 0u; k < 4u; ++k) {
        const uint component = entry.component[k];
        const float x = load_component(entry.plane[k], p, component);
        value[k] = (component & 4u) == 0u ? x : 0.0;
      }
    }
    const uint group = plane * pc.count + p;
    if (kPost0 != 0u) {
      const uint channel_group = plane % pc.groups;
      value = apply_post_ops(value, group, plane, channel_group);
      if (kMask != 0u) value = mask_channels(value, channel_group, pc.channels);
    }
    store_group(pc.target, group, value, kHalfOut);
  }
}
