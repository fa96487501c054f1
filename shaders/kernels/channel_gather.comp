#version 460
#extension GL_GOOGLE_include_directive : require
// Channels of kC4 tensors by a table of planes; engine/kernels/channels.cpp.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kHalfIn = 0u;
layout(constant_id = 1) const uint kHalfOut = 0u;
layout(constant_id = 2) const uint kWholeGroups = 0u;  // every output group is one input group

struct Entry {
  uint64_t plane[4];
  uint component[4];
};
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer EntryRef { Entry v; };

layout(push_constant, std430) uniform Push {
  uint64_t target, table;
  uint count, reserved;
} pc;

float load_component(uint64_t plane, uint p, uint component) {
  if (kHalfIn != 0u) {
    const uint word = load_word(plane, p * 2u + (component >> 1));
    return unpackHalf2x16(word >> ((component & 1u) * 16u)).x;
  }
  return load_float(plane, p * 4u + component);
}

void main() {
  const uint plane = gl_WorkGroupID.y;
  EntryRef entry = EntryRef(pc.table + uint64_t(plane) * 48ul);
  const uint first = gl_WorkGroupID.x * 128u + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < 2u; ++j) {
    const uint p = first + j * 64u;
    if (p < pc.count) {
      vec4 value = vec4(0.0);
      if (kWholeGroups != 0u) {
        value = load_group(entry.v.plane[0], p, kHalfIn);
      } else {
        [[unroll]] for (uint k = 0u; k < 4u; ++k) {
          const uint component = entry.v.component[k];
          const float x = load_component(entry.v.plane[k], p, component & 3u);
          value[k] = component < 4u ? x : 0.0;
        }
      }
      store_group(pc.target, plane * pc.count + p, value, kHalfOut);
    }
  }
}
