#version 460
// A depthwise convolution. One invocation computes kTileX x kTileY pixels of 4 channels; all loops unroll, because
// the software device reads weights as scalars outside of loops only. Grid: x tiles, y channel groups, z images.
#extension GL_GOOGLE_include_directive : require
#include "conv.glsl"

layout(local_size_x_id = 6) in;
layout(constant_id = 6) const uint kWidth = 32u;
layout(constant_id = 7) const int kTileX = 4;
layout(constant_id = 8) const int kTileY = 2;
layout(constant_id = 9) const int kKernelX = 3;
layout(constant_id = 10) const int kKernelY = 3;
layout(constant_id = 11) const int kStrideX = 1;
layout(constant_id = 12) const int kStrideY = 1;
layout(constant_id = 13) const int kDilationX = 1;
layout(constant_id = 14) const int kDilationY = 1;

layout(push_constant, std430) uniform Push {
  CONV_PUSH
  uint channels, first_group;
  uint in_h, in_w, out_h, out_w;
  int pad_y, pad_x;
  uint reserved[2];
  CONV_TABLE
} pc;

// Input pixels that a tile reads: kRow across; some of them are skipped between dilated taps.
const int kRow = (kTileX - 1) * kStrideX + (kKernelX - 1) * kDilationX + 1;
const int kRows = (kTileY - 1) * kStrideY + (kKernelY - 1) * kDilationY + 1;

void main() {
  const uint group = pc.first_group + uniform_index(gl_WorkGroupID.y);
  const uint groups = (pc.channels + 3u) / 4u;
  const uint taps = uint(kKernelX * kKernelY);
  const vec4 bias = Float4Ref(pc.tail + uint64_t(group * 16u)).v;
  const uint64_t weights = pc.tail + uint64_t(groups * 16u + group * taps * 16u);

  const uint plane = gl_WorkGroupID.z * groups + gl_WorkGroupID.y + pc.first_group;
  const uint64_t base = pc.src + uint64_t(plane) * uint64_t(pc.in_w * pc.in_h * kGroupBytes);
  const uint tiles_x = (pc.out_w + uint(kTileX) - 1u) / uint(kTileX);
  const uint tiles = tiles_x * ((pc.out_h + uint(kTileY) - 1u) / uint(kTileY));
  const uint wide_tile = gl_WorkGroupID.x * kWidth + gl_LocalInvocationID.x;
  const uint tile = min(wide_tile, tiles - 1u);
  // The last tile of a row or column moves back inside the image; the host makes tiles no larger than that.
  const int start_y = int(tile / tiles_x) * kTileY, start_x = int(tile % tiles_x) * kTileX;
  const int y = min(start_y, int(pc.out_h) - kTileY), x = min(start_x, int(pc.out_w) - kTileX);
  const int first_x = x * kStrideX - pc.pad_x, first_y = y * kStrideY - pc.pad_y;
  const int in_w = int(pc.in_w);

  vec4 sums[4][4];
  [[unroll]] for (int i = 0; i < kTileY; ++i) {
    [[unroll]] for (int j = 0; j < kTileX; ++j) sums[i][j] = bias;
  }
  [[unroll]] for (int r = 0; r < kRows; ++r) {
    const int in_y = first_y + r;
    const bool row_inside = uint(in_y) < pc.in_h;
    vec4 row[48];
    [[unroll]] for (int i = 0; i < kRow; ++i) {
      const int in_x = first_x + i;
      const bool inside = row_inside && uint(in_x) < pc.in_w;
      row[i] = load_input(inside ? base + uint64_t(uint(in_y * in_w + in_x) * kGroupBytes)
                                 : pc.tail - kZeroBytes);
    }
    [[unroll]] for (int i = 0; i < kTileY; ++i) {
      const int d = r - i * kStrideY;
      if (d >= 0 && d % kDilationY == 0 && d / kDilationY < kKernelY) {
        [[unroll]] for (int k = 0; k < kKernelX; ++k) {
          const vec4 weight = Float4Ref(weights + uint64_t((d / kDilationY * kKernelX + k) * 16)).v;
          [[unroll]] for (int j = 0; j < kTileX; ++j) sums[i][j] += row[j * kStrideX + k * kDilationX] * weight;
        }
      }
    }
  }
  [[unroll]] for (int i = 0; i < kTileY; ++i) {
    [[unroll]] for (int j = 0; j < kTileX; ++j) {
      if (kStoreOnce == 0u || (wide_tile < tiles && y + i >= start_y && x + j >= start_x)) {
        const uint item = plane * (pc.out_w * pc.out_h) + uint(y + i) * pc.out_w + uint(x + j);
        store_output(pc.dst + uint64_t(item) * uint64_t(kOutputGroupBytes),
                     finish(sums[i][j], pc.tail, item, plane, group, pc.channels));
      }
    }
  }
}
