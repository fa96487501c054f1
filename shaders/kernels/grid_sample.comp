#version 460
#extension GL_GOOGLE_include_directive : require
// GridSample of pictures in channel groups; engine/kernels/grid_sample.cpp. A lane computes four groups of one pixel.
#include "tensor.glsl"
#include "grid_sample.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 3) const uint kHalfIn = 0u;
layout(constant_id = 4) const uint kHalfOut = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, grid, target;
  uint count, groups;
  int in_h, in_w;
} pc;

void main() {
  const uint pixel = gl_GlobalInvocationID.x;
  if (pixel >= pc.count) return;
  const uint blocks = (pc.groups + 3u) / 4u;
  const uint n = gl_WorkGroupID.y / blocks, first = (gl_WorkGroupID.y % blocks) * 4u;
  const uint64_t at_grid = pc.grid + uint64_t((n * pc.count + pixel) * 2u) * 4ul;
  const float x = coordinate(FloatRef(at_grid).v, pc.in_w), y = coordinate(FloatRef(at_grid + 4ul).v, pc.in_h);
  const int x0 = first_tap(x), y0 = first_tap(y);
  const vec4 wx = tap_weights(x), wy = tap_weights(y);
  const uint plane = uint(pc.in_h * pc.in_w);
  vec4 sum[4] = vec4[4](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
  [[unroll]] for (uint ky = 0u; ky < kTaps; ++ky) {
    float down = wy[ky];
    const uint row = uint(tap_index(y0 + int(ky), pc.in_h, down) * pc.in_w);
    [[unroll]] for (uint kx = 0u; kx < kTaps; ++kx) {
      float across = wx[kx];
      const uint at = row + uint(tap_index(x0 + int(kx), pc.in_w, across));
      const float weight = down * across;
      [[unroll]] for (uint j = 0u; j < 4u; ++j) {
        // Beyond the last group its own sum is made again.
        const uint source_plane = n * pc.groups + min(first + j, pc.groups - 1u);
        const vec4 value = load_group(pc.source, source_plane * plane + at, kHalfIn);
        sum[j] += weight == 0.0 ? vec4(0.0) : weight * value;
      }
    }
  }
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    const uint target_plane = n * pc.groups + min(first + j, pc.groups - 1u);
    store_group(pc.target, target_plane * pc.count + pixel, sum[j], kHalfOut);
  }
}
