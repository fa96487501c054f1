#version 460
// A convolution with group = 1. One invocation computes kPixels pixels x 4 kBlockGroups output channels; pixels
// are numbered through the image and lie one workgroup's width apart, so that neighbouring lanes read neighbours.
// Grid: x pixels, y output-channel blocks, z images.
//
// The weights lie in 8 uniform windows as slabs, one a (block, chunk of input channels, tap), in this order:
// [input group][channel of it][output channel of the block]. A window holds whole slabs.
#extension GL_GOOGLE_include_directive : require
#include "conv.glsl"

layout(local_size_x_id = 5) in;
layout(constant_id = 5) const uint kWidth = 32u;
layout(constant_id = 6) const uint kPixels = 4u;
layout(constant_id = 7) const uint kBlockGroups = 4u;
layout(constant_id = 8) const uint kPointwise = 0u;  // one slab a block and pixel p reads pixel p
// A transposed convolution whose kernel is as large as its stride: for each tap, input pixel p goes to one output
// pixel, so the taps are more blocks of a pointwise convolution. The kernel's width; 0 for none.
layout(constant_id = 9) const uint kScatterX = 0u;
layout(constant_id = 10) const uint kScatterY = 0u;

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

layout(set = 0, binding = 0, std140) uniform Window { u64vec2 w[4096]; } window[8];

vec4 sums[4][4];
uint window_index;

vec4 weight(uint i) {
  const u64vec2 q = window[window_index].w[i];
  return vec4(uintBitsToFloat(unpackUint2x32(q.x)), uintBitsToFloat(unpackUint2x32(q.y)));
}

// Adds the products of one input group. `offset`: of its weights in the window.
void accumulate(vec4 x[4], uint offset) {
  [[unroll]] for (uint k = 0u; k < kBlockGroups; ++k) {
    [[unroll]] for (uint l = 0u; l < 4u; ++l) {
      [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
        float sum = sums[j][k][l];
        [[unroll]] for (uint c = 0u; c < 4u; ++c) sum += x[j][c] * weight(offset + c * kBlockGroups + k)[l];
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
  const uint first = gl_WorkGroupID.x * (kWidth * kPixels) + gl_LocalInvocationID.x;
  const uint n = gl_WorkGroupID.z;
  const uint64_t image = pc.src + uint64_t(n * in_groups) * uint64_t(in_plane * kGroupBytes);
  const uint64_t step = uint64_t(in_plane * kGroupBytes);

  [[unroll]] for (uint k = 0u; k < kBlockGroups; ++k) {
    const vec4 bias = Float4Ref(pc.tail + uint64_t((block * kBlockGroups + k) * 16u)).v;
    [[unroll]] for (uint j = 0u; j < kPixels; ++j) sums[j][k] = bias;
  }

  uint64_t at[4];
  if (kPointwise != 0u) {
    window_index = uniform_byte(gl_WorkGroupID.y / slabs_per_window);
    const uint base = (local_block - window_index * slabs_per_window) * slab_size;
    [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
      at[j] = image + uint64_t(min(first + j * kWidth, pixels - 1u) * kGroupBytes);
    }
    for (uint i = 0u; i < in_groups; ++i) {
      vec4 x[4];
      [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
        x[j] = load_input(at[j]);
        at[j] += step;
      }
      accumulate(x, base + uniform_byte(i) * (4u * kBlockGroups));
    }
  } else {
    const int kernel_w = int(pc.kernel_stride & 0xFFu), kernel_h = int((pc.kernel_stride >> 8) & 0xFFu);
    const ivec2 stride = ivec2((pc.kernel_stride >> 16) & 0xFFu, pc.kernel_stride >> 24);
    const ivec2 dilation = ivec2(pc.dilation_chunks & 0xFFu, (pc.dilation_chunks >> 8) & 0xFFu);
    const ivec2 pad = ivec2(int(pc.pad << 16) >> 16, int(pc.pad) >> 16);
    const uint chunks = pc.dilation_chunks >> 16;
    const uint slabs = uint(kernel_w * kernel_h) * chunks;
    ivec2 corner[4];
    [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
      const uint p = min(first + j * kWidth, pixels - 1u);
      const uint y = p / out_w;
      corner[j] = ivec2(p - y * out_w, y) * stride - pad;
    }
    uint slab = 0u;
    for (uint part = 0u; part < chunks; ++part) {
      const uint begin = part * chunk;
      const uint count = min(chunk, in_groups - begin);
      for (int ky = 0; ky < kernel_h; ++ky) {
        for (int kx = 0; kx < kernel_w; ++kx) {
          const uint index = local_block * slabs + uniform_index(slab);
          window_index = index / slabs_per_window;
          const uint base = (index - window_index * slabs_per_window) * slab_size;
          ++slab;
          uint64_t increment[4];
          [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
            const ivec2 c = corner[j] + ivec2(kx, ky) * dilation;
            const bool inside = uint(c.x) < in_w && uint(c.y) < in_h;
            at[j] = inside ? image + uint64_t(begin) * step + uint64_t(uint(c.y * int(in_w) + c.x) * kGroupBytes)
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
    }
  }

  const uint out_plane = kScatterX != 0u ? pixels * (kScatterX * kScatterY) : pixels;
  [[unroll]] for (uint j = 0u; j < kPixels; ++j) {
    uint p = first + j * kWidth;
    if (p >= pixels) continue;
    if (kScatterX != 0u) {
      const uint y = p / out_w, x = p - y * out_w;
      p = (y * kScatterY + tap / kScatterX) * (out_w * kScatterX) + x * kScatterX + tap % kScatterX;
    }
    [[unroll]] for (uint k = 0u; k < kBlockGroups; ++k) {
      const uint group = block * kBlockGroups + k;
      if (group < out_groups) {
        const uint plane = n * out_groups + group;
        const uint item = plane * out_plane + p;
        store_output(pc.dst + uint64_t(item) * uint64_t(kOutputGroupBytes),
                     finish(sums[j][k], pc.tail, item, plane, group, pc.out_channels));
      }
    }
  }
}
