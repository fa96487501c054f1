#version 460
#extension GL_GOOGLE_include_directive : require
// QuantizeLinear from channel groups to row-major words and DequantizeLinear the other way, with one scale or
// one a channel; engine/kernels/quantize.cpp.
#include "quantize.glsl"

layout(local_size_x_id = 1) in;
layout(constant_id = 0) const uint kHalf = 0u;  // storage of the groups
layout(constant_id = 1) const uint kWidth = 64u;
layout(constant_id = 2) const uint kGuard = 1u;  // Coverage in operator.hpp
layout(constant_id = 3) const uint kDequantize = 0u;
layout(constant_id = 4) const uint kWithZero = 0u;
layout(constant_id = 5) const uint kPerChannel = 0u;
layout(constant_id = 6) const uint kDigits = 0u;  // of the quotient

layout(push_constant, std430) uniform Push {
  uint64_t source, scale, zero_point, target;
  uint plane, groups, channels;
  int low, high;
  uint reserved;
} pc;

void main() {
  const uint row = gl_WorkGroupID.y, n = row / pc.groups, first_channel = (row - n * pc.groups) * 4u;
  const uint image = n * pc.channels * pc.plane;
  vec4 scale;
  ivec4 zero = ivec4(0);
  uint at[4];  // of the first pixel of each channel; channels that are not there repeat the last one
  [[unroll]] for (uint k = 0u; k < 4u; ++k) {
    const uint channel = min(first_channel + k, pc.channels - 1u), s = kPerChannel != 0u ? channel : 0u;
    scale[k] = load_float(pc.scale, s);
    if (kWithZero != 0u) zero[k] = load_int(pc.zero_point, s);
    at[k] = image + channel * pc.plane;
  }
  const uint first = gl_WorkGroupID.x * (kWidth * 4u) + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    uint p = first + j * kWidth;
    if (kGuard != 0u && p >= pc.plane) return;
    p = min(p, pc.plane - 1u);
    if (kDequantize != 0u) {
      ivec4 x;
      [[unroll]] for (uint k = 0u; k < 4u; ++k) x[k] = load_int(pc.source, at[k] + p);
      const vec4 value = vec4(x - zero) * scale;
      store_group(pc.target, row * pc.plane + p, mask_channels(value, first_channel / 4u, pc.channels), kHalf);
    } else {
      const vec4 x = quotient(load_group(pc.source, row * pc.plane + p, kHalf), scale, kDigits);
      [[unroll]] for (uint k = 0u; k < 4u; ++k) {
        if (first_channel + k < pc.channels)
          store_word(pc.target, at[k] + p, uint(quantized(x[k], zero[k], pc.low, pc.high)));
      }
    }
  }
}
