#version 460
#extension GL_GOOGLE_include_directive : require
// The reads of a deformable convolution; engine/kernels/deform_conv.cpp. One lane owns one output.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kMasked = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, offsets, masks, target;
  uint count;
  int channels, groups, in_h, in_w, out_h, out_w, kernel_h, kernel_w;
  int stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
} pc;

float read(uint base, int y, int x) {
  const bool inside = y >= 0 && x >= 0 && y < pc.in_h && x < pc.in_w;
  const float value = load_float(pc.source, base + uint(inside ? y * pc.in_w + x : 0));
  return inside ? value : 0.0;
}

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint plane = uint(pc.out_h * pc.out_w), taps = uint(pc.kernel_h * pc.kernel_w);
  const uint channel_tap = i / plane, pixel = i - channel_tap * plane;
  const uint image_channel = channel_tap / taps;
  const int tap = int(channel_tap - image_channel * taps);
  const uint n = image_channel / uint(pc.channels), c = image_channel - n * uint(pc.channels);
  const uint group = c / uint(pc.channels / pc.groups);
  const uint field = (n * uint(pc.groups) + group) * taps + uint(tap);
  const int oy = int(pixel / uint(pc.out_w)), ox = int(pixel % uint(pc.out_w));
  float y = float(oy * pc.stride_h - pc.pad_h + tap / pc.kernel_w * pc.dilation_h);
  float x = float(ox * pc.stride_w - pc.pad_w + tap % pc.kernel_w * pc.dilation_w);
  y += load_float(pc.offsets, field * 2u * plane + pixel);
  x += load_float(pc.offsets, (field * 2u + 1u) * plane + pixel);
  // Far outside, a finite number still has to become an index.
  y = clamp(y, -2.0, float(pc.in_h + 1));
  x = clamp(x, -2.0, float(pc.in_w + 1));
  const int top = int(floor(y)), left = int(floor(x));
  const float down = y - float(top), across = x - float(left);
  const uint base = image_channel * uint(pc.in_h * pc.in_w);
  const float upper = read(base, top, left) * (1.0 - across) + read(base, top, left + 1) * across;
  const float lower = read(base, top + 1, left) * (1.0 - across) + read(base, top + 1, left + 1) * across;
  float value = upper * (1.0 - down) + lower * down;
  if (kMasked != 0u) value *= load_float(pc.masks, field * plane + pixel);
  store_float(pc.target, i, value);
}
