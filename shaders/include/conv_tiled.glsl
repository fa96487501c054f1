// A convolution as a matrix product without the matrix (implicit GEMM): rows are output pixels, columns output
// channels, and k runs over (tap, input channel). Where a tile of the left operand would be read from an unfolded
// image, the pixel that the tap meets is read instead. See tile.glsl for the walk, conv_tiled.cpp for the
// host side.
// Grid: x pixel tiles, y tiles of output channels (of all conv groups), z images x parts of k.
#include "conv.glsl"
#include "tile.glsl"

layout(constant_id = 11) const uint kPointwise = 0u;  // one tap, and pixel p reads pixel p
layout(constant_id = 12) const uint kSplits = 1u;     // parts of k; more than 1: sums go to scratch memory
layout(constant_id = 13) const uint kWeightsHalf = 0u;

layout(push_constant, std430) uniform Push {
  CONV_PUSH
  uint64_t weights;      // [conv group][k, or groups of 4][columns], columns padded to whole tiles
  uint in_extent;        // height << 16 | width
  uint out_extent;
  uint in_groups;        // groups of 4 channels: of all << 16 | of one conv group
  uint out_groups;       // the same of the output
  uint kernel_stride;    // stride y, stride x, kernel height, kernel width: a byte each
  uint dilation;         // y << 8 | x
  uint pad;              // two signed halves: y, x
  uint depth;            // taps * input groups of a conv group
  uint steps;            // of 4 of these in a part of k
  uint tiles;            // of columns in a conv group
  uint groups_magic, groups_shift;  // halve_divide() by the input groups, by the kernel's width
  uint width_magic, width_shift;
  uint out_channels;
  uint batch;
#ifdef TILE_BYTES
  int middle;  // of the input's numbers: those less it are signed bytes
#endif
} pc;

// fast_divide() takes divisors from 2 on: the host doubles them, too.
uint halve_divide(uint n, uint magic, uint shift) { return fast_divide(n * 2u, magic, shift); }

const uint kWeightBytes = kWeightsHalf != 0u ? 8u : 16u;  // of four columns

#ifdef TILE_BYTES
uint tile_of(vec4 value) { return packed_bytes(ivec4(value) - pc.middle); }
uint tile_of_halves(uint64_t bits) {
  const uvec2 words = unpackUint2x32(bits);
  return tile_of(vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)));
}
#endif

// One 128-bit word where conv.glsl's store_output() writes two of 64: that is for the software device.
void store_whole(uint64_t address, vec4 value) {
  if (kOutputHalf != 0u) {
    store_output(address, value);
  } else {
    Float4Ref(address).v = value;
  }
}

// Of this workgroup: its place in the grid.
uint pixels, conv_group, tile, n, split;
// Of this invocation: what it fetches.
ivec2 corner;
uint pixel, in_plane;
uint64_t image, weights;

void fetch_tiles(uint step) {
  const uint in_w = pc.in_extent & 0xFFFFu, in_h = pc.in_extent >> 16;
  [[unroll]] for (uint s = 0u; s < kSlotsA; ++s) {
    const uint depth = step * kDepth + fetch_depth(s);
    bool inside = depth < pc.depth;
    uint group = depth, at = pixel;
    if (kPointwise == 0u) {
      const uint tap = halve_divide(depth, pc.groups_magic, pc.groups_shift);
      group = depth - tap * (pc.in_groups & 0xFFFFu);
      const uint tap_y = halve_divide(tap, pc.width_magic, pc.width_shift);
      const uint tap_x = tap - tap_y * (pc.kernel_stride & 0xFFu);
      const ivec2 c = corner + ivec2(tap_x * (pc.dilation & 0xFFu), tap_y * (pc.dilation >> 8));
      inside = inside && uint(c.x) < in_w && uint(c.y) < in_h;
      at = uint(c.y * int(in_w) + c.x);
    }
    const uint64_t address =
        inside ? image + uint64_t(group * in_plane + at) * uint64_t(kGroupBytes) : pc.tail - kZeroBytes;
    if (kInputStorage == 0u) {
      fetched_a[s] = tile_of(Float4Ref(address).v);
    } else {
      fetched_a[s] = tile_of_halves(LongRef(address).v);
    }
  }
  [[unroll]] for (uint s = 0u; s < kSlotsB; ++s) {
    const uint64_t address =
        weights + uint64_t((step * kStepK + fetch_k(s)) * (pc.tiles * kColumns) + fetch_column(s)) *
                      uint64_t(kWeightBytes);
#ifdef TILE_BYTES
    fetched_b[s] = load_words(address, 0u);
#else
    if (kWeightsHalf == 0u) {
      fetched_b[s] = tile_of(Float4Ref(address).v);
    } else {
      fetched_b[s] = tile_of_halves(LongRef(address).v);
    }
#endif
  }
}

void store_sum(uint row, uint column, vec4 sum) {
  const uint out_groups = pc.out_groups & 0xFFFFu;
  const uint p = gl_WorkGroupID.x * kTileM + row, local_group = tile * kColumns + column;
  if (p >= pixels || local_group >= out_groups) return;
  const uint group = conv_group * out_groups + local_group;
  const uint plane = n * (pc.out_groups >> 16) + group;
  const uint item = plane * pixels + p;
#ifdef TILE_BYTES
  sum *= Float4Ref(pc.tail + uint64_t(((pc.out_groups >> 16) + group) * 16u)).v;  // behind the bias
#endif
  if (kSplits > 1u) {
    const uint all = pc.batch * (pc.out_groups >> 16) * pixels;
    Float4Ref(pc.dst + (uint64_t(split) * uint64_t(all) + uint64_t(item)) * 16ul).v = sum;
  } else {
    const vec4 bias = Float4Ref(pc.tail + uint64_t(group * 16u)).v;
    store_whole(pc.dst + uint64_t(item) * uint64_t(kOutputGroupBytes),
                finish(sum + bias, pc.tail, item, plane, group, pc.out_channels));
  }
}

void main() {
  const uint out_w = pc.out_extent & 0xFFFFu, out_h = pc.out_extent >> 16;
  pixels = out_w * out_h;
  const uint in_groups = pc.in_groups & 0xFFFFu;
  conv_group = gl_WorkGroupID.y / pc.tiles;
  tile = gl_WorkGroupID.y - conv_group * pc.tiles;
  n = kSplits > 1u ? gl_WorkGroupID.z / kSplits : gl_WorkGroupID.z;
  split = kSplits > 1u ? gl_WorkGroupID.z - n * kSplits : 0u;
  const uint steps = (pc.depth + kDepth - 1u) / kDepth;

  // Rows beyond the end repeat the last pixel and are not stored.
  pixel = min(gl_WorkGroupID.x * kTileM + fetch_row(0u), pixels - 1u);
  const ivec2 pad = ivec2(int(pc.pad << 16) >> 16, int(pc.pad) >> 16);
  const ivec2 stride = ivec2((pc.kernel_stride >> 16) & 0xFFu, pc.kernel_stride >> 24);
  corner = ivec2(pixel % out_w, pixel / out_w) * stride - pad;
  in_plane = (pc.in_extent & 0xFFFFu) * (pc.in_extent >> 16);
  image = pc.src +
          uint64_t(n * (pc.in_groups >> 16) + conv_group * in_groups) * uint64_t(in_plane * kGroupBytes);
  weights = pc.weights +
            (uint64_t(conv_group * steps * kStepK) * uint64_t(pc.tiles * kColumns) +
             uint64_t(tile * kColumns)) * uint64_t(kWeightBytes);

  const uint first = split * pc.steps, last = min(first + pc.steps, steps);
  MULTIPLY_STEPS(first, last)

  STORE_SUMS
}
