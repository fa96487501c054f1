#version 460
#extension GL_GOOGLE_include_directive : require
// The boxes that each class kept, one after the other; engine/kernels/non_max_suppression.cpp. One workgroup.
#include "tensor.glsl"

const uint kLanes = 64u;
layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  uint64_t picked, counts, indices, total;
  uint rows, classes, most;
} pc;

void main() {
  const uint lane = gl_LocalInvocationID.x;
  uint start = 0u;
  for (uint row = 0u; row < pc.rows; ++row) {
    const uint count = load_word(pc.counts, row);
    for (uint i = lane; i < count; i += kLanes) {
      const uint at = (start + i) * 3u;
      store_word(pc.indices, at, row / pc.classes);
      store_word(pc.indices, at + 1u, row % pc.classes);
      store_word(pc.indices, at + 2u, load_word(pc.picked, row * pc.most + i));
    }
    start += count;
  }
  // What lies behind is not read, but it should not differ from run to run.
  for (uint i = start * 3u + lane; i < pc.rows * pc.most * 3u; i += kLanes) store_word(pc.indices, i, 0u);
  if (lane == 0u) store_word(pc.total, 0u, start);
}
