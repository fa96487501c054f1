#version 460
// One invocation computes 4 output channels of one pixel, a product at a time: see engine/kernels/conv.cpp for
// when it runs. Weights are row-major fp32, [Cout][Cin/group][kh][kw] or, transposed, [Cin][Cout/group][kh][kw].
#extension GL_GOOGLE_include_directive : require
#include "activation.glsl"

layout(local_size_x = 64) in;

layout(constant_id = 2) const uint kTransposed = 0u;
layout(constant_id = 3) const uint kC4 = 1u;  // layout of input and output; kLinear where 0
layout(constant_id = 4) const uint kInputHalf = 0u;
layout(constant_id = 5) const uint kOutputHalf = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t src, dst, weights, bias;
  uint in_h, in_w, out_h, out_w;
  uint kernel, stride, dilation;
  int pad_y, pad_x;
  uint in_group, out_group, in_channels, out_channels, count;
  POST_PUSH
} pc;

float load_input(uint n, uint c, uint pixel) {
  const uint plane = pc.in_h * pc.in_w;
  if (kC4 == 0u) return load_float(pc.src, (n * pc.in_channels + c) * plane + pixel);
  const uint element = ((n * ((pc.in_channels + 3u) / 4u) + c / 4u) * plane + pixel) * 4u + c % 4u;
  if (kInputHalf == 0u) return load_float(pc.src, element);
  const vec2 pair = unpackHalf2x16(load_word(pc.src, element / 2u));
  return element % 2u == 0u ? pair.x : pair.y;
}

// Where output index `at` meets the input through tap `k` along one axis; -1 where it does not.
int input_index(int at, int k, int stride, int dilation, int pad, int extent) {
  int index;
  if (kTransposed == 0u) {
    index = at * stride - pad + k * dilation;
  } else {
    const int spread = at + pad - k * dilation;
    if (spread < 0 || spread % stride != 0) return -1;
    index = spread / stride;
  }
  return index >= 0 && index < extent ? index : -1;
}

float output_channel(uint n, uint c, ivec2 at) {
  const ivec2 kernel = ivec2(pc.kernel & 0xFFFFu, pc.kernel >> 16);
  const ivec2 stride = ivec2(pc.stride & 0xFFFFu, pc.stride >> 16);
  const ivec2 dilation = ivec2(pc.dilation & 0xFFFFu, pc.dilation >> 16);
  const uint taps = uint(kernel.x * kernel.y);
  const uint first = c / pc.out_group * pc.in_group;
  float sum = pc.bias != 0ul ? load_float(pc.bias, c) : 0.0;
  for (int ky = 0; ky < kernel.y; ++ky) {
    const int y = input_index(at.y, ky, stride.y, dilation.y, pc.pad_y, int(pc.in_h));
    if (y < 0) continue;
    for (int kx = 0; kx < kernel.x; ++kx) {
      const int x = input_index(at.x, kx, stride.x, dilation.x, pc.pad_x, int(pc.in_w));
      if (x < 0) continue;
      const uint tap = uint(ky * kernel.x + kx);
      const uint pixel = uint(y) * pc.in_w + uint(x);
      for (uint i = 0u; i < pc.in_group; ++i) {
        const uint filter_row =
            kTransposed == 0u ? c * pc.in_group + i : (first + i) * pc.out_group + c % pc.out_group;
        sum += load_float(pc.weights, filter_row * taps + tap) * load_input(n, first + i, pixel);
      }
    }
  }
  return sum;
}

void main() {
  const uint item = flat_group() * 64u + gl_LocalInvocationID.x;
  if (item >= pc.count) return;
  const uint plane = pc.out_h * pc.out_w;
  const uint groups = (pc.out_channels + 3u) / 4u;
  const uint image_group = item / plane, pixel = item % plane;
  const uint n = image_group / groups, group = image_group % groups;
  const ivec2 at = ivec2(pixel % pc.out_w, pixel / pc.out_w);
  vec4 sum = vec4(0.0);
  for (uint k = 0u; k < 4u; ++k) {
    if (group * 4u + k < pc.out_channels) sum[k] = output_channel(n, group * 4u + k, at);
  }
  sum = apply_post_ops(sum, item, image_group, group);
  if (kC4 != 0u) {
    store_group(pc.dst, item, mask_channels(sum, group, pc.out_channels), kOutputHalf);
  } else {
    for (uint k = 0u; k < 4u; ++k) {
      const uint c = group * 4u + k;
      if (c < pc.out_channels) store_float(pc.dst, (n * pc.out_channels + c) * plane + pixel, sum[k]);
    }
  }
}
