#version 460
#extension GL_GOOGLE_include_directive : require
// Copies 16 bytes times kPerLane a lane: what a kernel that only moves memory can reach. engine/app/device_peaks.cpp.
#include "tensor.glsl"

layout(local_size_x_id = 1) in;
layout(constant_id = 0) const uint kWide = 0u;  // one 128-bit access instead of two of 64 bits
layout(constant_id = 1) const uint kWidth = 64u;
layout(constant_id = 2) const uint kPerLane = 8u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
} pc;

void main() {
  const uint first = flat_group() * (kWidth * kPerLane) + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < kPerLane; ++j) {
    const uint i = first + j * kWidth;
    if (kWide != 0u) {
      Float4Ref(pc.target + uint64_t(i) * 16ul).v = Float4Ref(pc.source + uint64_t(i) * 16ul).v;
    } else {
      store_words(pc.target, i, load_words(pc.source, i));
    }
  }
}
