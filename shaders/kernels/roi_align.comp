#version 460
#extension GL_GOOGLE_include_directive : require
// RoiAlign; engine/kernels/roi.cpp. One lane owns one output.
#include "tensor.glsl"
#include "roi.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kMaximum = 0u;
layout(constant_id = 1) const uint kHalfPixel = 1u;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint row = i / uint(pc.out_w), bin_x = i - row * uint(pc.out_w);
  const uint map = row / uint(pc.out_h), bin_y = row - map * uint(pc.out_h);
  const uint r = map / uint(pc.channels), c = map - r * uint(pc.channels);
  const float shift = kHalfPixel != 0u ? 0.5 : 0.0;
  const float x0 = load_float(pc.rois, r * 4u) * pc.scale - shift;
  const float y0 = load_float(pc.rois, r * 4u + 1u) * pc.scale - shift;
  float width = load_float(pc.rois, r * 4u + 2u) * pc.scale - shift - x0;
  float height = load_float(pc.rois, r * 4u + 3u) * pc.scale - shift - y0;
  if (kHalfPixel == 0u) {
    width = max(width, 1.0);
    height = max(height, 1.0);
  }
  const float bin_w = width / float(pc.out_w), bin_h = height / float(pc.out_h);
  // A region far larger than the picture must not run for minutes: beyond it all points are zero.
  const float most = 16384.0;
  const int ny = pc.sampling > 0 ? pc.sampling : int(clamp(ceil(bin_h), 0.0, most));
  const int nx = pc.sampling > 0 ? pc.sampling : int(clamp(ceil(bin_w), 0.0, most));
  const int image = clamp(load_int(pc.batches, r), 0, pc.images - 1);
  const uint base = uint(image * pc.channels + int(c)) * uint(pc.in_h * pc.in_w);
  float sum = 0.0, best = uintBitsToFloat(0xFF800000u);
  for (int sy = 0; sy < ny; ++sy) {
    const float y = y0 + float(bin_y) * bin_h + (float(sy) + 0.5) * bin_h / float(ny);
    for (int sx = 0; sx < nx; ++sx) {
      const float x = x0 + float(bin_x) * bin_w + (float(sx) + 0.5) * bin_w / float(nx);
      const bool inside = y >= -1.0 && y <= float(pc.in_h) && x >= -1.0 && x <= float(pc.in_w);
      const float yc = inside ? clamp(y, 0.0, float(pc.in_h - 1)) : 0.0;
      const float xc = inside ? clamp(x, 0.0, float(pc.in_w - 1)) : 0.0;
      const int top = int(yc), left = int(xc);
      const int bottom = min(top + 1, pc.in_h - 1), right = min(left + 1, pc.in_w - 1);
      const float down = yc - float(top), across = xc - float(left);
      vec4 taps = vec4(load_float(pc.source, base + uint(top * pc.in_w + left)) * (1.0 - down) * (1.0 - across),
                       load_float(pc.source, base + uint(top * pc.in_w + right)) * (1.0 - down) * across,
                       load_float(pc.source, base + uint(bottom * pc.in_w + left)) * down * (1.0 - across),
                       load_float(pc.source, base + uint(bottom * pc.in_w + right)) * down * across);
      taps = inside ? taps : vec4(0.0);
      if (kMaximum != 0u) {
        best = max(best, max(max(taps.x, taps.y), max(taps.z, taps.w)));
      } else {
        sum += (taps.x + taps.y) + (taps.z + taps.w);
      }
    }
  }
  const int points = ny * nx;
  const float value = kMaximum != 0u ? (points > 0 ? best : 0.0) : sum / float(max(points, 1));
  store_float(pc.target, i, value);
}
