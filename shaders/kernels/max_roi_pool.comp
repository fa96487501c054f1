#version 460
#extension GL_GOOGLE_include_directive : require
// MaxRoiPool; engine/kernels/roi.cpp. One lane owns one output.
#include "tensor.glsl"
#include "roi.glsl"

layout(local_size_x = 64) in;

// Half away from zero, and small enough to be an integer.
int rounded(float x) {
  const float at = floor(abs(x) + 0.5);
  return int(clamp(x < 0.0 ? -at : at, -1e8, 1e8));
}

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint row = i / uint(pc.out_w), bin_x = i - row * uint(pc.out_w);
  const uint map = row / uint(pc.out_h), bin_y = row - map * uint(pc.out_h);
  const uint r = map / uint(pc.channels), c = map - r * uint(pc.channels);
  const int image = clamp(int(load_float(pc.rois, r * 5u)), 0, pc.images - 1);
  const int x0 = rounded(load_float(pc.rois, r * 5u + 1u) * pc.scale);
  const int y0 = rounded(load_float(pc.rois, r * 5u + 2u) * pc.scale);
  const int x1 = rounded(load_float(pc.rois, r * 5u + 3u) * pc.scale);
  const int y1 = rounded(load_float(pc.rois, r * 5u + 4u) * pc.scale);
  const float bin_w = float(max(x1 - x0 + 1, 1)) / float(pc.out_w);
  const float bin_h = float(max(y1 - y0 + 1, 1)) / float(pc.out_h);
  const int top = clamp(int(floor(float(bin_y) * bin_h)) + y0, 0, pc.in_h);
  const int bottom = clamp(int(ceil(float(bin_y + 1u) * bin_h)) + y0, 0, pc.in_h);
  const int left = clamp(int(floor(float(bin_x) * bin_w)) + x0, 0, pc.in_w);
  const int right = clamp(int(ceil(float(bin_x + 1u) * bin_w)) + x0, 0, pc.in_w);
  const uint base = uint(image * pc.channels + int(c)) * uint(pc.in_h * pc.in_w);
  float best = top < bottom && left < right ? uintBitsToFloat(0xFF800000u) : 0.0;
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) best = max(best, load_float(pc.source, base + uint(y * pc.in_w + x)));
  }
  store_float(pc.target, i, best);
}
