#version 460
#extension GL_GOOGLE_include_directive : require
// Where with broadcasting; engine/kernels/where.cpp.
#include "nd_index.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kRank = 1u;

layout(push_constant, std430) uniform Push {
  uint64_t condition, a, b, target, table;
  uint count, reserved;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const ivec4 at = nd_offsets(pc.table, kRank, i);
  const uint a = load_word(pc.a, uint(at.y)), b = load_word(pc.b, uint(at.z));
  store_word(pc.target, i, load_word(pc.condition, uint(at.x)) != 0u ? a : b);
}
