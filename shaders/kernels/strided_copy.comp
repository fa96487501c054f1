#version 460
#extension GL_GOOGLE_include_directive : require
// Strided copy of 32-bit words; engine/kernels/strided.cpp.
#include "nd_index.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kRank = 1u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target, table;
  uint count;
  int source_start, target_start;
  uint reserved;
} pc;

void main() {
  const uint first = flat_group() * 128u + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < 2u; ++j) {
    const uint i = first + j * 64u;
    if (i < pc.count) {
      const ivec4 at = nd_offsets(pc.table, kRank, i);
      store_word(pc.target, uint(pc.target_start + at.y), load_word(pc.source, uint(pc.source_start + at.x)));
    }
  }
}
