#version 460
#extension GL_GOOGLE_include_directive : require
// From the statistics of planes to a scale and a shift for each channel; engine/kernels/normalize.cpp. One lane
// a channel; padding channels get zeros.
#include "tensor.glsl"

layout(local_size_x = 16) in;

layout(push_constant, std430) uniform Push {
  uint64_t statistics, scale, bias, scales, shifts;
  uint count, groups, channels, per_group, plane;
  float epsilon;
} pc;

void main() {
  const uint i = flat_group() * 16u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint n = i / (pc.groups * 4u), c = i - n * pc.groups * 4u;
  float scale = 0.0, shift = 0.0;
  if (c < pc.channels) {
    const uint first = n * pc.groups * 4u + c / pc.per_group * pc.per_group;
    float mean = 0.0, total = 0.0;
    for (uint k = first; k < first + pc.per_group; ++k) mean += load_float(pc.statistics, k / 4u * 8u + k % 4u);
    mean /= float(pc.per_group);
    for (uint k = first; k < first + pc.per_group; ++k) {
      const float apart = load_float(pc.statistics, k / 4u * 8u + k % 4u) - mean;
      total += load_float(pc.statistics, k / 4u * 8u + 4u + k % 4u) + apart * apart * float(pc.plane);
    }
    const float variance = total / (float(pc.plane) * float(pc.per_group));
    scale = load_float(pc.scale, c) / sqrt(variance + pc.epsilon);
    shift = load_float(pc.bias, c) - mean * scale;
  }
  store_float(pc.scales, i, scale);
  store_float(pc.shifts, i, shift);
}
