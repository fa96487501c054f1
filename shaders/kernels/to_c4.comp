#version 460
#extension GL_GOOGLE_include_directive : require
// Row-major NCHW (fp32) to channel groups; engine/kernels/layout.cpp.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kHalf = 0u;  // storage of the kC4 side

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint plane, groups, channels, reserved;
} pc;

void main() {
  const uint row = gl_WorkGroupID.y, n = row / pc.groups, first_channel = (row - n * pc.groups) * 4u;
  const uint first = gl_WorkGroupID.x * 128u + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < 2u; ++j) {
    const uint p = first + j * 64u;
    if (p < pc.plane) {
      vec4 value;
      [[unroll]] for (uint k = 0u; k < 4u; ++k) {
        const uint channel = min(first_channel + k, pc.channels - 1u);
        const float x = load_float(pc.source, (n * pc.channels + channel) * pc.plane + p);
        value[k] = first_channel + k < pc.channels ? x : 0.0;
      }
      store_group(pc.target, row * pc.plane + p, value, kHalf);
    }
  }
}
