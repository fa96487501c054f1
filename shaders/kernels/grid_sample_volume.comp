#version 460
#extension GL_GOOGLE_include_directive : require
// GridSample of row-major pictures and volumes; engine/kernels/grid_sample.cpp. One lane owns one output.
#include "tensor.glsl"
#include "grid_sample.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 3) const uint kAxes = 3u;
layout(constant_id = 4) const uint kInteger = 0u;  // with nearest only

layout(push_constant, std430) uniform Push {
  uint64_t source, grid, target;
  uint count, channels, plane;
  int in_d, in_h, in_w;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint image_channel = i / pc.plane, pixel = i - image_channel * pc.plane, n = image_channel / pc.channels;
  const uint at_grid = (n * pc.plane + pixel) * kAxes;
  const float x = coordinate(load_float(pc.grid, at_grid), pc.in_w);
  const float y = coordinate(load_float(pc.grid, at_grid + 1u), pc.in_h);
  const float z = kAxes == 3u ? coordinate(load_float(pc.grid, at_grid + 2u), pc.in_d) : 0.0;
  const int x0 = first_tap(x), y0 = first_tap(y), z0 = kAxes == 3u ? first_tap(z) : 0;
  const vec4 wx = tap_weights(x), wy = tap_weights(y), wz = kAxes == 3u ? tap_weights(z) : vec4(1.0, 0.0, 0.0, 0.0);
  float sum = 0.0;
  uint integer_value = 0u;
  for (uint kz = 0u; kz < (kAxes == 3u ? kTaps : 1u); ++kz) {
    float deep = wz[kz];
    const int sheet = tap_index(z0 + int(kz), pc.in_d, deep);
    for (uint ky = 0u; ky < kTaps; ++ky) {
      float down = wy[ky];
      const int row = sheet * pc.in_h + tap_index(y0 + int(ky), pc.in_h, down);
      for (uint kx = 0u; kx < kTaps; ++kx) {
        float across = wx[kx];
        const int at = row * pc.in_w + tap_index(x0 + int(kx), pc.in_w, across);
        const float weight = deep * down * across;
        const uint word = load_word(pc.source, image_channel * uint(pc.in_d * pc.in_h * pc.in_w) + uint(at));
        sum += weight == 0.0 ? 0.0 : weight * uintBitsToFloat(word);
        integer_value = weight == 0.0 ? 0u : word;
      }
    }
  }
  store_word(pc.target, i, kInteger != 0u ? integer_value : floatBitsToUint(sum));
}
