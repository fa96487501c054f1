#version 460
#extension GL_GOOGLE_include_directive : require
// Places of the elements that are not zero, in order; engine/kernels/non_zero.cpp. One workgroup: each lane counts
// a stretch of the tensor, then writes its places behind those of the lanes before it.
#include "tensor.glsl"

const uint kLanes = 64u;
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kReal = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target, total, table;
  uint count, rank;
} pc;

shared uint counts[kLanes];

bool is_set(uint i) {
  // -0.0 is zero.
  const uint word = load_word(pc.source, i);
  return (kReal != 0u ? word & 0x7FFFFFFFu : word) != 0u;
}

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint stretch = (pc.count + kLanes - 1u) / kLanes;
  const uint first = min(lane * stretch, pc.count), end = min(first + stretch, pc.count);
  uint mine = 0u;
  for (uint i = first; i < end; ++i) mine += is_set(i) ? 1u : 0u;
  counts[lane] = mine;
  barrier();
  uint at = 0u, total = 0u;
  for (uint l = 0u; l < kLanes; ++l) {
    at += l < lane ? counts[l] : 0u;
    total += counts[l];
  }
  for (uint i = first; i < end; ++i) {
    if (!is_set(i)) continue;
    for (uint d = 0u; d < pc.rank; ++d) {
      const uint stride = load_word(pc.table, d * 2u), extent = load_word(pc.table, d * 2u + 1u);
      store_word(pc.target, d * pc.count + at, (i / stride) % extent);
    }
    ++at;
  }
  // What lies behind is not read, but it should not differ from run to run.
  for (uint d = 0u; d < pc.rank; ++d)
    for (uint i = total + lane; i < pc.count; i += kLanes) store_word(pc.target, d * pc.count + i, 0u);
  if (lane == 0u) store_word(pc.total, 0u, total);
}
