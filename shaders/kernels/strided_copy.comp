#version 460
#extension GL_GOOGLE_include_directive : require
// Strided copy of 32-bit words; engine/kernels/strided.cpp.
#include "nd_index.glsl"

layout(local_size_x_id = 1) in;
layout(constant_id = 0) const uint kRank = 1u;
layout(constant_id = 1) const uint kWidth = 64u;
layout(constant_id = 2) const uint kGuard = 1u;  // Coverage in operator.hpp

layout(push_constant, std430) uniform Push {
  uint64_t source, target, table;
  uint count;
  int source_start, target_start;
  uint extent, step;  // of the axis that lanes run along
  int source_step, target_step;
  uint reserved;
} pc;

void main() {
  uint i = flat_group() * kWidth + gl_LocalInvocationID.x;
  if (kGuard != 0u && i >= pc.count) return;
  i = min(i, pc.count - 1u);
  const ivec4 at = nd_offsets(pc.table, kRank, i);
  const int source = pc.source_start + at.x, target = pc.target_start + at.y;
  [[unroll]] for (int j = 0; j < 8; ++j) {
    // Beyond the end of the axis the run's first element is copied again.
    const bool inside = uint(at.z) + uint(j) * pc.step < pc.extent;
    if (kGuard != 0u && !inside) break;
    const int k = inside ? j : 0;
    store_word(pc.target, uint(target + k * pc.target_step), load_word(pc.source, uint(source + k * pc.source_step)));
  }
}
