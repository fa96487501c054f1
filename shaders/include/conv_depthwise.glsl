// A depthwise convolution. One invocation computes kTileX x kTileY pixels of 4 channels; all loops unroll, because
// the software device reads weights as scalars outside of loops only. Grid: x tiles, y channel groups, z images.
//
// With SHUFFLE an invocation loads only kTileX * kStrideX of the kRow pixels of a row, its own. Those beside them are
// its neighbours' in the subgroup: tiles are numbered along the rows of the image, so that the neighbours are to the
// left and right. At the ends of the subgroup they are loaded, at the ends of a row of tiles they are outside of the
// image (shares() of conv_depthwise.cpp).
#include "conv.glsl"
#ifdef SHUFFLE
#extension GL_KHR_shader_subgroup_shuffle : require
#endif

layout(local_size_x_id = 6) in;
layout(constant_id = 6) const uint kWidth = 32u;  // SHUFFLE: whole subgroups
layout(constant_id = 7) const int kTileX = 4;
layout(constant_id = 8) const int kTileY = 2;
layout(constant_id = 9) const int kKernelX = 3;
layout(constant_id = 10) const int kKernelY = 3;
layout(constant_id = 11) const int kStrideX = 1;
layout(constant_id = 12) const int kStrideY = 1;
layout(constant_id = 13) const int kDilationX = 1;
layout(constant_id = 14) const int kDilationY = 1;
layout(constant_id = 15) const int kLeft = 1;  // SHUFFLE: pixels of a row in front of the own ones
layout(constant_id = 16) const int kLanes = 8;  // SHUFFLE: of a subgroup

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

vec4 row[48];  // the pixels of one row

vec4 load_pixel(uint64_t plane, int y, int x) {
  const bool inside = uint(y) < pc.in_h && uint(x) < pc.in_w;
  return load_input(inside ? plane + uint64_t(uint(y * int(pc.in_w) + x) * kGroupBytes) : pc.tail - kZeroBytes);
}

#ifdef SHUFFLE
const int kOwn = kTileX * kStrideX;
const int kRight = kRow - kOwn - kLeft;  // pixels behind the own ones
const int kBeside = kLeft > kRight ? kLeft : kRight;
// What lies beyond the ends of the subgroup: an even lane loads the pixels in front of the first invocation's, an odd
// one those behind the last one's, each in a row of its own.
const int kRowsAtOnce = kLanes / 2;
vec4 beyond[16];

void load_beyond(uint64_t plane, int y, int x) {
  const uint lane = gl_SubgroupInvocationID;
  const bool behind = (lane & 1u) != 0u;
  const uint end = behind ? uint(kLanes) - 1u : 0u;
  y = subgroupShuffle(y, end) + int(lane >> 1);
  x = subgroupShuffle(x, end) + (behind ? kLeft + kOwn : 0);
  [[unroll]] for (int r = 0; r < kRows; r += kRowsAtOnce) {
    [[unroll]] for (int i = 0; i < kBeside; ++i) {
      beyond[r / kRowsAtOnce * kBeside + i] = load_pixel(plane, y + r, x + i);
    }
  }
}

void load_row(uint64_t plane, int r, int y, int x, bool first_tile, bool last_tile) {
  [[unroll]] for (int i = kLeft; i < kLeft + kOwn; ++i) row[i] = load_pixel(plane, y + r, x + i);
  const uint lane = gl_SubgroupInvocationID, last = uint(kLanes) - 1u;
  const uint loader = uint(r % kRowsAtOnce) * 2u + (lane == last ? 1u : 0u);
  [[unroll]] for (int i = 0; i < kBeside; ++i) {
    const vec4 far = subgroupShuffle(beyond[r / kRowsAtOnce * kBeside + i], loader);
    if (i < kLeft) {
      const vec4 near = subgroupShuffle(row[i + kOwn], (lane - 1u) & last);
      row[i] = lane == 0u ? far : first_tile ? vec4(0.0) : near;
    }
    if (i < kRight) {
      const vec4 near = subgroupShuffle(row[i + kLeft], (lane + 1u) & last);
      row[i + kLeft + kOwn] = lane == last ? far : last_tile ? vec4(0.0) : near;
    }
  }
}
#endif

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
#ifdef SHUFFLE
  // Invocations beyond the end begin again, so that each has its neighbours.
  const uint wide_tile =
      gl_WorkGroupID.x * kWidth + gl_SubgroupID * uint(kLanes) + gl_SubgroupInvocationID;
  const uint tile = wide_tile % tiles;
#else
  const uint wide_tile = gl_WorkGroupID.x * kWidth + gl_LocalInvocationID.x;
  const uint tile = min(wide_tile, tiles - 1u);
#endif
  // The last tile of a row or column moves back inside the image; the host makes tiles no larger than that.
  const int start_y = int(tile / tiles_x) * kTileY, start_x = int(tile % tiles_x) * kTileX;
  const int y = min(start_y, int(pc.out_h) - kTileY);
#ifdef SHUFFLE
  const int x = start_x;  // all the same distance apart
#else
  const int x = min(start_x, int(pc.out_w) - kTileX);
#endif
  const int first_x = x * kStrideX - pc.pad_x, first_y = y * kStrideY - pc.pad_y;

  vec4 sums[8][4];
  [[unroll]] for (int i = 0; i < kTileY; ++i) {
    [[unroll]] for (int j = 0; j < kTileX; ++j) sums[i][j] = bias;
  }
#ifdef SHUFFLE
  load_beyond(base, first_y, first_x);
#endif
  [[unroll]] for (int r = 0; r < kRows; ++r) {
#ifdef SHUFFLE
    load_row(base, r, first_y, first_x, start_x == 0, start_x + kTileX >= int(pc.out_w));
#else
    [[unroll]] for (int i = 0; i < kRow; ++i) row[i] = load_pixel(base, first_y + r, first_x + i);
#endif
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
    vec4 sum = sums[i][0];
    [[unroll]] for (int j = 0; j < kTileX; ++j) {
      if (kStoreOnce != 0u &&
          !(wide_tile < tiles && y + i >= start_y && x + j >= start_x && x + j < int(pc.out_w))) continue;
#ifdef SHUFFLE
      const bool inside = x + j < int(pc.out_w);  // beyond the end of a row: the last pixel once more
#else
      const bool inside = true;
#endif
      sum = inside ? sums[i][j] : sum;
      const uint column = uint(inside ? x + j : int(pc.out_w) - 1);
      const uint item = plane * (pc.out_w * pc.out_h) + uint(y + i) * pc.out_w + column;
      store_output(pc.dst + uint64_t(item) * uint64_t(kOutputGroupBytes),
                   finish(sum, pc.tail, item, plane, group, pc.channels));
    }
  }
}
