// Walks the table of engine/kernels/nd_index.cpp: flat index -> offsets of up to 4 strided operands.
#ifndef TARSIER_ND_INDEX_GLSL
#define TARSIER_ND_INDEX_GLSL

#include "tensor.glsl"

struct NdAxis {
  uint extent, magic, shift, reserved;
  ivec4 stride;
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer NdTable { NdAxis axis[8]; };

// `rank` (1..8) should be a specialisation constant, so that the loop unrolls.
ivec4 nd_offsets(uint64_t table, uint rank, uint index) {
  NdTable t = NdTable(table);
  ivec4 offsets = ivec4(0);
  uint rest = index;
  for (uint d = rank - 1u; d > 0u; --d) {
    const uint next = fast_divide(rest, t.axis[d].magic, t.axis[d].shift);
    offsets += int(rest - next * t.axis[d].extent) * t.axis[d].stride;
    rest = next;
  }
  return offsets + int(rest) * t.axis[0].stride;
}

#endif
