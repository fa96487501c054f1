#version 460
// Last step of a Winograd convolution: the products of each tile become kTile x kTile outputs. One invocation makes
// one tile of 4 channels from [kSide * kSide][output groups][tiles of all images][4], fp32.
// Grid: x tiles, y output groups.
#extension GL_GOOGLE_include_directive : require
#include "conv.glsl"
#include "winograd.glsl"
WINOGRAD_OUTPUT(vec4)

layout(local_size_x_id = 6) in;
layout(constant_id = 6) const uint kWidth = 32u;
layout(constant_id = 8) const uint kWhole = 0u;  // tiles cover the output exactly: no output is beyond its edge

layout(push_constant, std430) uniform Push {
  CONV_PUSH
  uint tiles_x, tiles_y, tiles;  // of an image, an image, all images
  uint out_w, out_h, out_groups;
  uint out_channels;
} pc;

void main() {
  const uint group = gl_WorkGroupID.y;
  const uint wide_tile = gl_WorkGroupID.x * kWidth + gl_LocalInvocationID.x;
  const uint tile = min(wide_tile, pc.tiles - 1u);
  const uint row = tile / pc.tiles_x, image = row / pc.tiles_y;
  const uint first_x = (tile - row * pc.tiles_x) * uint(kTile);
  const uint first_y = (row - image * pc.tiles_y) * uint(kTile);

  const uint64_t step = uint64_t(pc.out_groups * pc.tiles * 16u);
  uint64_t at = pc.src + uint64_t((group * pc.tiles + tile) * 16u);
  vec4 m[6][6];  // [row][column]
  [[unroll]] for (int j = 0; j < kSide; ++j) {
    [[unroll]] for (int i = 0; i < kSide; ++i) {
      m[j][i] = load_fp32(at);
      at += step;
    }
    winograd_output(m[j]);
  }
  const vec4 bias = Float4Ref(pc.tail + uint64_t(group * 16u)).v;
  const uint plane = image * pc.out_groups + group;
  [[unroll]] for (int i = 0; i < kTile; ++i) {
    vec4 column[6];
    [[unroll]] for (int j = 0; j < kSide; ++j) column[j] = m[j][i];
    winograd_output(column);
    const uint x = first_x + uint(i);
    [[unroll]] for (int j = 0; j < kTile; ++j) {
      const uint y = first_y + uint(j);
      if (kStoreOnce != 0u && wide_tile >= pc.tiles) continue;
      if (kWhole == 0u && (x >= pc.out_w || y >= pc.out_h)) continue;
      const uint item = plane * (pc.out_w * pc.out_h) + y * pc.out_w + x;
      store_output(pc.dst + uint64_t(item) * uint64_t(kOutputGroupBytes),
                   finish(column[j] + bias, pc.tail, item, plane, group, pc.out_channels));
    }
  }
}
