#version 460
// First step of a Winograd convolution: tiles of the input, transformed. One invocation makes one tile of two
// channels, kSide x kSide numbers each; half a group of channels keeps the code small enough for an instruction
// cache. Result: [kSide * kSide][input groups][tiles of all images][4], fp32.
// Grid: x tiles, y pairs of channels.
#extension GL_GOOGLE_include_directive : require
#include "conv.glsl"
#include "winograd.glsl"
WINOGRAD_INPUT(vec2)

layout(local_size_x_id = 6) in;
layout(constant_id = 6) const uint kWidth = 32u;

layout(push_constant, std430) uniform Push {
  CONV_PUSH
  uint tiles_x, tiles_y, tiles;  // of an image, an image, all images
  uint in_w, in_h, in_groups;
  int pad_x, pad_y;
} pc;

vec2 load_pair(uint64_t address) {
  if (kInputStorage == 0u) return uintBitsToFloat(unpackUint2x32(LongRef(address).v));
  const uint bits = WordRef(address).v;
  if (kInputStorage == 1u) return unpackHalf2x16(bits);
  return vec2(half_in_high_bits(bits << 16), half_in_high_bits(bits));
}

void main() {
  const uint group = gl_WorkGroupID.y >> 1, pair = gl_WorkGroupID.y & 1u;
  // Lanes beyond the end repeat the last tile.
  const uint tile = min(gl_WorkGroupID.x * kWidth + gl_LocalInvocationID.x, pc.tiles - 1u);
  const uint row = tile / pc.tiles_x, image = row / pc.tiles_y;
  const int first_x = int(tile - row * pc.tiles_x) * kTile - pc.pad_x;
  const int first_y = int(row - image * pc.tiles_y) * kTile - pc.pad_y;
  const uint64_t plane = pc.src + uint64_t((image * pc.in_groups + group) * (pc.in_w * pc.in_h) * kGroupBytes +
                                           pair * (kGroupBytes / 2u));
  const uint64_t zero = pc.tail - kZeroBytes;

  vec2 d[6][6];  // [column][row]
  [[unroll]] for (int i = 0; i < kSide; ++i) {
    const int x = first_x + i;
    const bool column_inside = uint(x) < pc.in_w;
    [[unroll]] for (int j = 0; j < kSide; ++j) {
      const int y = first_y + j;
      const bool inside = column_inside && uint(y) < pc.in_h;
      d[i][j] = load_pair(inside ? plane + uint64_t((uint(y) * pc.in_w + uint(x)) * kGroupBytes) : zero);
    }
    winograd_input(d[i]);
  }
  const uint64_t step = uint64_t(pc.in_groups * pc.tiles * 16u);
  uint64_t at = pc.dst + uint64_t((group * pc.tiles + tile) * 16u + pair * 8u);
  [[unroll]] for (int j = 0; j < kSide; ++j) {
    vec2 line[6];
    [[unroll]] for (int i = 0; i < kSide; ++i) line[i] = d[i][j];
    winograd_input(line);
    [[unroll]] for (int i = 0; i < kSide; ++i) {
      LongRef(at).v = packUint2x32(floatBitsToUint(line[i]));
      at += step;
    }
  }
}
