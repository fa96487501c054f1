#version 460
#extension GL_GOOGLE_include_directive : require
// Channel groups to row-major NCHW or NHWC (fp32); engine/kernels/layout.cpp.
#include "tensor.glsl"

layout(local_size_x_id = 1) in;
layout(constant_id = 0) const uint kHalf = 0u;  // storage of the kC4 side
layout(constant_id = 1) const uint kWidth = 64u;
layout(constant_id = 2) const uint kGuard = 1u;  // Coverage in operator.hpp
layout(constant_id = 3) const uint kFilled = 0u;  // channels of every group; 0 where they differ

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint plane, groups, channels;
  uint channel_step, pixel_step, reserved;
} pc;

void main() {
  const uint row = gl_WorkGroupID.y, n = row / pc.groups, first_channel = (row - n * pc.groups) * 4u;
  const uint first = gl_WorkGroupID.x * (kWidth * 4u) + gl_LocalInvocationID.x;
  const uint image = n * pc.channels * pc.plane;
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    uint p = first + j * kWidth;
    if (kGuard != 0u && p >= pc.plane) return;
    p = min(p, pc.plane - 1u);
    vec4 value = vec4(0.0);
    if (kFilled == 1u && kHalf == 0u) {
      value.x = load_float(pc.source, (row * pc.plane + p) * 4u);
    } else {
      value = load_group(pc.source, row * pc.plane + p, kHalf);
    }
    [[unroll]] for (uint k = 0u; k < 4u; ++k) {
      const uint at = image + (first_channel + k) * pc.channel_step + p * pc.pixel_step;
      if (kFilled == 0u) {
        if (first_channel + k < pc.channels) store_float(pc.target, at, value[k]);
      } else if (k < kFilled) {
        store_float(pc.target, at, value[k]);
      }
    }
  }
}
