#version 460
// A convolution with group = 1. One invocation computes kPixels pixels x 4 kBlockGroups output channels; pixels
// are numbered through the image and lie one workgroup's width apart, so that neighbouring lanes read neighbours.
// Grid: x pixels, y output-channel blocks, z images.
//
// The weights lie in 12 uniform windows as slabs, one a (block, chunk of input channels, tap), in this order:
// [input group][channel of it][output channel of the block]. A window holds whole slabs.
#extension GL_GOOGLE_include_directive : require
#include "conv.glsl"

layout(local_size_x_id = 6) in;
layout(constant_id = 6) const uint kWidth = 32u;
layout(constant_id = 7) const uint kPixels = 4u;
layout(constant_id = 8) const uint kBlockGroups = 4u;
// How the weights of a block lie in the windows, and what reads them: the simpler, the faster.
const uint kPointwise = 0u;  // one slab, and pixel p reads pixel p
const uint kOneWindow = 1u;  // one slab a tap, all of them in one window
const uint kSlabs = 2u;      // each slab may lie in another window
const uint kOneGroup = 3u;   // kOneWindow with one input group (first layers): one loop, over the taps
layout(constant_id = 9) const uint kMode = 2u;
// A transposed convolution whose kernel is as large as its stride: for each tap, input pixel p goes to one output
// pixel, so the taps are more blocks of a pointwise convolution. The kernel's width; 0 for none.
layout(constant_id = 10) const uint kScatterX = 0u;
layout(constant_id = 11) const uint kScatterY = 0u;
// Not 0: the taps of kScatter are the weights of as many images, and pixels stay where they are.
layout(constant_id = 12) const uint kTapIsImage = 0u;
layout(constant_id = 13) const uint kChannels = 4u;  // of an input group that are there: fewer in first layers
layout(constant_id = 14) const uint kRows = 0u;      // 1: the groups of a pixel lie side by side (matmul_dense.cpp)

layout(push_constant, std430) uniform Push {
  CONV_PUSH
  uint groups;          // of channels: output << 16 | input
  uint in_extent;       // height << 16 | width
  uint out_extent;      // the same, of the output (of the input for kScatter)
  uint slab;            // vec4 in a slab; << 16 | input groups in a chunk
  uint blocks;          // slabs in a window; << 16 | first block of this dispatch
  uint kernel_stride;   // stride y, stride x, kernel height, kernel width: a byte each
  uint dilation_chunks; // chunks << 16 | dilation y << 8 | dilation x
  uint pad;             // two signed halves: y, x
  uint out_channels;
  uint blocks_per_tap;  // for kScatter
  CONV_TABLE
} pc;

layout(set = 0, binding = 0, std140) uniform Window { u64vec2 w[4096]; } window[12];

vec4 sums[4][4];
uint window_index;

vec4 weight(uint i) {
  const u64vec2 q = window[window_index].w[i];
  return vec4(uintBitsToFloat(unpackUint2x32(q.x)), uintBitsToFloat(unpackUint2x32(q.y)));
}

// Adds the products of one input group. `offset`: of its weights in the window. All weights are read before the
// first product: each read is a branch on the software device, and what is unfinished at a branch goes to memory.
void accumulate(vec4 x[4], uint offset) {
  vec4 w[4][4];
  [[unroll]] for (uint k = 0u; k < kBlockGroups; ++k) {
    [[unroll]] for (uint c = 0u; c < kChannels; ++c) w[k][c] = weight(offset + c * kBlockGroups + k);
  }
  [[unroll]] for (uint k = 0u; k < kBlockGroups; ++k) {
    [[unroll]] for (uint l = 0u; l < 4u; ++l) {
      [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
        float sum = sums[j][k][l];
        [[unroll]] for (uint c = 0u; c < kChannels; ++c) sum += x[j][c] * w[k][c][l];
        sums[j][k][l] = sum;
      }
    }
  }
}

void main() {
  const uint in_groups = pc.groups & 0xFFFFu, out_groups = pc.groups >> 16;
  const uint in_w = pc.in_extent & 0xFFFFu, in_h = pc.in_extent >> 16;
  const uint out_w = pc.out_extent & 0xFFFFu, out_h = pc.out_extent >> 16;
  const uint slab_size = pc.slab & 0xFFFFu, chunk = pc.slab >> 16, slabs_per_window = pc.blocks & 0xFFFFu;
  const uint local_block = uniform_byte(gl_WorkGroupID.y);
  const uint wide_block = local_block + (pc.blocks >> 16);
  const uint tap = kScatterX != 0u ? wide_block / pc.blocks_per_tap : 0u;
  const uint block = kScatterX != 0u ? wide_block - tap * pc.blocks_per_tap : wide_block;
  const uint pixels = out_w * out_h, in_plane = in_w * in_h;
  // The last workgroup moves back so that all of its pixels exist, and leaves those of its neighbour alone. Its
  // invocations then reach all their pixels from one address. (The host makes kPixels 1 for smaller images.)
  const uint start = gl_WorkGroupID.x * (kWidth * kPixels);
  const uint moved = min(start, max(pixels, kWidth * kPixels) - kWidth * kPixels);
  const uint first = min(moved + gl_LocalInvocationID.x, pixels - 1u);
  const uint n = kTapIsImage != 0u ? tap : gl_WorkGroupID.z;
  const uint64_t image = pc.src + uint64_t(n * in_groups) * uint64_t(in_plane * kGroupBytes);
  const uint64_t step = uint64_t((kRows != 0u ? 1u : in_plane) * kGroupBytes);
  const uint pixel_bytes = kRows != 0u ? in_groups * kGroupBytes : kGroupBytes;

  [[unroll]] for (uint k = 0u; k < kBlockGroups; ++k) {
    const vec4 bias = Float4Ref(pc.tail + uint64_t((block * kBlockGroups + k) * 16u)).v;
    [[unroll]] for (uint j = 0u; j < kPixels; ++j) sums[j][k] = bias;
  }

  if (kMode == kPointwise) {
    window_index = uniform_byte(gl_WorkGroupID.y / slabs_per_window);
    const uint base = uniform_byte(gl_WorkGroupID.y % slabs_per_window) * slab_size;
    uint64_t at = image + uint64_t(first * pixel_bytes);
    for (uint i = 0u; i < in_groups; ++i) {
      vec4 x[4];
      [[unroll]] for (uint j = 0u; j < kPixels; ++j) x[j] = load_input(at + uint64_t(j * kWidth * pixel_bytes));
      at += step;
      accumulate(x, base + uniform_byte(i) * (4u * kBlockGroups));
    }
  } else {
    const int kernel_w = int(pc.kernel_stride & 0xFFu), kernel_h = int((pc.kernel_stride >> 8) & 0xFFu);
    const ivec2 stride = ivec2((pc.kernel_stride >> 16) & 0xFFu, pc.kernel_stride >> 24);
    const ivec2 dilation = ivec2(pc.dilation_chunks & 0xFFu, (pc.dilation_chunks >> 8) & 0xFFu);
    const ivec2 pad = ivec2(int(pc.pad << 16) >> 16, int(pc.pad) >> 16);
    const uint chunks = kMode == kSlabs ? pc.dilation_chunks >> 16 : 1u;
    const uint taps = uint(kernel_w * kernel_h);
    ivec2 corner[4];
    [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
      const uint p = first + j * kWidth;
      const uint y = p / out_w;
      corner[j] = ivec2(p - y * out_w, y) * stride - pad;
    }
    uint block_base = 0u;
    if (kMode != kSlabs) {
      const uint blocks_per_window = slabs_per_window / taps;
      window_index = uniform_byte(gl_WorkGroupID.y / blocks_per_window);
      block_base = uniform_byte(gl_WorkGroupID.y % blocks_per_window) * taps * slab_size;
    }
    uint64_t chunk_image = image;
    uint slab = 0u;
    // The software device blends all sums at the end of each round of each loop, so loops are not nested idly.
    int tap_x = 0, tap_y = 0;
    for (uint i = 0u; kMode == kOneGroup && i < taps; ++i) {
      vec4 x[4];
      [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
        const ivec2 c = corner[j] + ivec2(tap_x, tap_y) * dilation;
        const bool inside = uint(c.x) < in_w && uint(c.y) < in_h;
        x[j] = load_input(inside ? image + uint64_t(uint(c.y * int(in_w) + c.x) * kGroupBytes)
                                 : pc.tail - kZeroBytes);
      }
      const bool last = ++tap_x == kernel_w;
      tap_y = last ? tap_y + 1 : tap_y;
      tap_x = last ? 0 : tap_x;
      accumulate(x, block_base + uniform_byte(i) * slab_size);
    }
    for (uint part = 0u; kMode != kOneGroup && part < chunks; ++part) {
      const uint count = kMode == kSlabs ? min(chunk, in_groups - part * chunk) : in_groups;
      for (int ky = 0; ky < kernel_h; ++ky) {
        for (int kx = 0; kx < kernel_w; ++kx) {
          uint base;
          if (kMode == kOneWindow) {
            base = block_base + uniform_byte(slab) * slab_size;
          } else {
            const uint index = local_block * taps * chunks + uniform_index(slab);
            // The software device runs the body once more after the last round, with all lanes off: the index must
            // stay in the array then, too.
            window_index = min(index / slabs_per_window, 11u);
            base = (index - window_index * slabs_per_window) * slab_size;
          }
          ++slab;
          uint64_t at[4], increment[4];
          [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
            const ivec2 c = corner[j] + ivec2(kx, ky) * dilation;
            const bool inside = uint(c.x) < in_w && uint(c.y) < in_h;
            at[j] = inside ? chunk_image + uint64_t(uint(c.y * int(in_w) + c.x) * pixel_bytes)
                           : pc.tail - kZeroBytes;
            increment[j] = inside ? step : 0ul;
          }
          for (uint i = 0u; i < count; ++i) {
            vec4 x[4];
            [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
              x[j] = load_input(at[j]);
              at[j] += increment[j];
            }
            accumulate(x, base + uniform_byte(i) * (4u * kBlockGroups));
          }
        }
      }
      chunk_image += uint64_t(chunk) * step;
    }
  }

  const bool scatter = kScatterX != 0u && kTapIsImage == 0u;
  const uint out_plane = scatter ? pixels * (kScatterX * kScatterY) : pixels;
  [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
    uint p = first + j * kWidth;
    // The second condition: this lane is not a repetition of the last pixel's.
    if (kStoreOnce != 0u && (p < start || moved + gl_LocalInvocationID.x >= pixels)) continue;
    if (scatter) {
      const uint y = p / out_w, x = p - y * out_w;
      p = (y * kScatterY + tap / kScatterX) * (out_w * kScatterX) + x * kScatterX + tap % kScatterX;
    }
    vec4 sum = vec4(0.0);
    [[unroll]] for (uint k = 0u; k < kBlockGroups; ++k) {
      uint group = block * kBlockGroups + k;
      if (kStoreOnce != 0u && group >= out_groups) break;
      sum = group < out_groups ? sums[j][k] : sum;
      group = min(group, out_groups - 1u);
      const uint plane = n * out_groups + group;
      const uint item = kRows != 0u ? p * out_groups + group : plane * out_plane + p;
      store_output(pc.dst + uint64_t(item) * uint64_t(kOutputGroupBytes),
                   finish(sum, pc.tail, item, plane, group, pc.out_channels));
    }
  }
}
