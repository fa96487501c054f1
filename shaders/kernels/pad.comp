#version 460
#extension GL_GOOGLE_include_directive : require
// Pad of a row-major tensor by one index map an axis; engine/kernels/pad.cpp.
#include "nd_index.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kRank = 1u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target, table, maps;
  uint count, fill;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  NdTable t = NdTable(pc.table);
  uint rest = i;
  int at = 0, lowest = 0;
  for (uint d = kRank; d-- > 0u;) {
    uint coordinate = rest;
    // The outermost coordinate is what is left; an extent of 1 has no divisor.
    if (d > 0u) {
      const uint next = t.axis[d].extent > 1u ? fast_divide(rest, t.axis[d].magic, t.axis[d].shift) : rest;
      coordinate = rest - next * t.axis[d].extent;
      rest = next;
    }
    const int mapped = load_int(pc.maps, uint(t.axis[d].stride.y) + coordinate);
    at += mapped * t.axis[d].stride.x;
    lowest = min(lowest, mapped);
  }
  store_word(pc.target, i, lowest < 0 ? pc.fill : load_word(pc.source, uint(max(at, 0))));
}
