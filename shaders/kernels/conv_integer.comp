#version 460
#extension GL_GOOGLE_include_directive : require
// Convolution of integers, row-major; engine/kernels/conv_integer.cpp. One lane owns one output.
#include "quantize.glsl"

layout(local_size_x = 64) in;
// 1: x has a zero point; 2: w has; 4: one a channel; 8: quantise the sum; 16: a scale of w a channel; 32: bias
layout(constant_id = 0) const uint kFlags = 0u;

struct Geometry {
  int n, channels, out_channels, groups;
  int in_size[3], out_size[3], kernel[3];
  int stride[3], dilation[3], pad[3];
  int reserved[2];
};
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer GeometryRef { Geometry g; };

layout(push_constant, std430) uniform Push {
  uint64_t x, w, target, geometry;
  uint64_t x_zero, w_zero, x_scale, w_scale, y_scale, y_zero, bias;
  uint count;
  int low, high;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  GeometryRef at = GeometryRef(pc.geometry);
  const int out_w = at.g.out_size[2], out_h = at.g.out_size[1], out_d = at.g.out_size[0];
  const int in_w = at.g.in_size[2], in_h = at.g.in_size[1], in_d = at.g.in_size[0];
  const int kernel_w = at.g.kernel[2], kernel_h = at.g.kernel[1], kernel_d = at.g.kernel[0];
  int rest = int(i);
  const int x0 = (rest % out_w) * at.g.stride[2] - at.g.pad[2];
  rest /= out_w;
  const int y0 = (rest % out_h) * at.g.stride[1] - at.g.pad[1];
  rest /= out_h;
  const int z0 = (rest % out_d) * at.g.stride[0] - at.g.pad[0];
  rest /= out_d;
  const int channel = rest % at.g.out_channels, image = rest / at.g.out_channels;
  const int per_group = at.g.channels / at.g.groups;
  const int first = channel / (at.g.out_channels / at.g.groups) * per_group;
  const int plane = in_w * in_h * in_d, taps = kernel_w * kernel_h * kernel_d;
  const int x_zero = (kFlags & 1u) != 0u ? load_int(pc.x_zero, 0u) : 0;
  const int w_zero = (kFlags & 2u) != 0u ? load_int(pc.w_zero, (kFlags & 4u) != 0u ? uint(channel) : 0u) : 0;
  int sum = 0, tap = 0;
  for (int kz = 0; kz < kernel_d; ++kz) {
    const int z = z0 + kz * at.g.dilation[0];
    for (int ky = 0; ky < kernel_h; ++ky) {
      const int y = y0 + ky * at.g.dilation[1];
      for (int kx = 0; kx < kernel_w; ++kx, ++tap) {
        const int x = x0 + kx * at.g.dilation[2];
        if (z < 0 || z >= in_d || y < 0 || y >= in_h || x < 0 || x >= in_w) continue;
        uint source = uint((image * at.g.channels + first) * plane + (z * in_h + y) * in_w + x);
        uint weight = uint(channel * per_group * taps + tap);
        for (int c = 0; c < per_group; ++c) {
          sum += (load_int(pc.x, source) - x_zero) * (load_int(pc.w, weight) - w_zero);
          source += uint(plane);
          weight += uint(taps);
        }
      }
    }
  }
  if ((kFlags & 32u) != 0u) sum += load_int(pc.bias, uint(channel));
  if ((kFlags & 8u) != 0u) {
    const float scale = load_float(pc.x_scale, 0u) * load_float(pc.w_scale, (kFlags & 16u) != 0u ? uint(channel) : 0u) /
                        load_float(pc.y_scale, 0u);
    sum = quantized(float(sum) * scale, load_int(pc.y_zero, 0u), pc.low, pc.high);
  }
  store_word(pc.target, i, uint(sum));
}
