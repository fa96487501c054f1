#version 460
#extension GL_GOOGLE_include_directive : require
// RoiAlign; engine/kernels/roi.cpp. One lane owns one output.
#include "tensor.glsl"
#include "roi.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kMaximum = 0u;
layout(constant_id = 1) const uint kHalfPixel = 1u;

// Which of the points start + (i + 0.5) * step can lie within a pixel of the picture; the rest are zeros. A region
// far larger than the picture must not be walked for minutes.
ivec2 inner_points(float start, float step, int count, int extent) {
  if (!(step > 0.0)) return ivec2(0, count);
  const vec2 ends = vec2(floor((-1.0 - start) / step) - 1.0, ceil((float(extent) - start) / step) + 1.0);
  return ivec2(clamp(ends, vec2(0.0), vec2(float(count))));
}

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
  const float most = 16384.0;
  const int ny = pc.sampling > 0 ? pc.sampling : bin_h > 0.0 ? int(min(ceil(bin_h), most)) : 0;
  const int nx = pc.sampling > 0 ? pc.sampling : bin_w > 0.0 ? int(min(ceil(bin_w), most)) : 0;
  const int image = clamp(load_int(pc.batches, r), 0, pc.images - 1);
  const uint base = uint(image * pc.channels + int(c)) * uint(pc.in_h * pc.in_w);
  const float bin_top = y0 + float(bin_y) * bin_h, bin_left = x0 + float(bin_x) * bin_w;
  const ivec2 rows = inner_points(bin_top, bin_h / float(ny), ny, pc.in_h);
  const ivec2 columns = inner_points(bin_left, bin_w / float(nx), nx, pc.in_w);
  const bool all_points = ny * nx > 0 && rows == ivec2(0, ny) && columns == ivec2(0, nx);
  float sum = 0.0, best = all_points ? uintBitsToFloat(0xFF800000u) : 0.0;
  for (int sy = rows.x; sy < rows.y; ++sy) {
    const float y = bin_top + (float(sy) + 0.5) * bin_h / float(ny);
    for (int sx = columns.x; sx < columns.y; ++sx) {
      const float x = bin_left + (float(sx) + 0.5) * bin_w / float(nx);
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
  store_float(pc.target, i, kMaximum != 0u ? best : sum / float(max(ny * nx, 1)));
}
