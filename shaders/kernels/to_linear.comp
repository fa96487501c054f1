#version 460
#extension GL_GOOGLE_include_directive : require
// Channel groups to row-major NCHW (fp32); engine/kernels/layout.cpp.
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
      const vec4 value = load_group(pc.source, row * pc.plane + p, kHalf);
      [[unroll]] for (uint k = 0u; k < 4u; ++k) {
        const uint channel = first_channel + k;
        if (channel < pc.channels) store_float(pc.target, (n * pc.channels + channel) * pc.plane + p, value[k]);
      }
    }
  }
}
