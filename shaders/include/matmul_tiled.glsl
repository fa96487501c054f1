// A strided matrix product through shared memory: see tile.glsl for the walk, matmul_tiled.cpp for the host side.
// Grid: x tiles of columns, y tiles of rows, z products x parts of k.
#include "activation.glsl"
#include "nd_index.glsl"
layout(constant_id = 2) const uint kWholeN = 0u;  // four columns of b, and of the output, are one aligned vec4
layout(constant_id = 3) const uint kWholeK = 0u;  // four k of a row of a are one aligned vec4
layout(constant_id = 4) const uint kWithC = 0u;
layout(constant_id = 5) const uint kRank = 1u;
layout(constant_id = 11) const uint kSplits = 1u;  // parts of k; more than 1: sums go to scratch memory
#define TILE_ALONG_K (kWholeK != 0u)
#include "tile.glsl"

layout(push_constant, std430) uniform Push {
  uint64_t a, b, c, target, table;
  uint m, n, k;
  uint a_row, a_k, b_k, b_column, c_row, c_column;
  float alpha, beta;
  uint steps;  // in a part of k
  POST_PUSH
} pc;

uint product, split, a_start, b_start;

#ifdef TILE_BYTES
// beta is what makes signed bytes of the numbers of a, and c what that takes off the sums of each column.
uint tile_of(vec4 value) { return packed_bytes(ivec4(value) - int(pc.beta)); }
#endif

void fetch_tiles(uint step) {
  [[unroll]] for (uint s = 0u; s < kSlotsA; ++s) {
    const uint k = (step * kDepth + fetch_depth(s)) * 4u;
    // Rows beyond the end repeat the last one and are not stored.
    const uint row = min(gl_WorkGroupID.y * kTileM + fetch_row(s), pc.m - 1u);
    const uint at = a_start + row * pc.a_row;
    vec4 x = vec4(0.0);
    if (kWholeK != 0u) {
      if (k < pc.k) x = Float4Ref(pc.a + uint64_t(at + k) * 4ul).v;
    } else {
      [[unroll]] for (uint i = 0u; i < 4u; ++i) {
        if (k + i < pc.k) x[i] = load_float(pc.a, at + (k + i) * pc.a_k);
      }
    }
    fetched_a[s] = tile_of(x);
  }
#ifdef TILE_BYTES
  [[unroll]] for (uint s = 0u; s < kSlotsB; ++s) {
    // Already in bytes, [groups of 4 k][columns], both padded to whole tiles.
    const uint column = gl_WorkGroupID.x * kColumns + fetch_column(s);
    fetched_b[s] = load_words(pc.b, (step * kStepK + fetch_k(s)) * pc.b_k + column);
  }
#else
  [[unroll]] for (uint s = 0u; s < kSlotsB; ++s) {
    const uint k = step * kStepK + fetch_k(s);
    const uint column = gl_WorkGroupID.x * kTileN + fetch_column(s) * 4u;
    const uint at = b_start + k * pc.b_k;
    vec4 x = vec4(0.0);
    if (k < pc.k) {
      if (kWholeN != 0u) {
        if (column < pc.n) x = Float4Ref(pc.b + uint64_t(at + column) * 4ul).v;
      } else {
        [[unroll]] for (uint i = 0u; i < 4u; ++i) {
          if (column + i < pc.n) x[i] = load_float(pc.b, at + (column + i) * pc.b_column);
        }
      }
    }
    fetched_b[s] = tile_of(x);
  }
#endif
}

void store_sum(uint tile_row, uint tile_column, vec4 x) {
  const uint row = gl_WorkGroupID.y * kTileM + tile_row, column = gl_WorkGroupID.x * kTileN + tile_column * 4u;
  if (row >= pc.m || column >= pc.n) return;
  if (kSplits == 1u) {
    x *= pc.alpha;
    if (kWithC != 0u) {
      [[unroll]] for (uint l = 0u; l < 4u; ++l) {
        x[l] += pc.beta * load_float(pc.c, row * pc.c_row + min(column + l, pc.n - 1u) * pc.c_column);
      }
    }
    x = apply_post_ops(x, 0u, 0u, 0u);
  }
  // Parts lie behind each other, each in the order of the output.
  const uint part = kSplits > 1u ? split * (gl_NumWorkGroups.z / kSplits) + product : product;
  const uint at = (part * pc.m + row) * pc.n + column;
  if (kWholeN != 0u) {
    Float4Ref(pc.target + uint64_t(at) * 4ul).v = x;
  } else {
    [[unroll]] for (uint l = 0u; l < 4u; ++l) {
      if (column + l < pc.n) store_float(pc.target, at + l, x[l]);
    }
  }
}

void main() {
  product = kSplits > 1u ? gl_WorkGroupID.z / kSplits : gl_WorkGroupID.z;
  split = kSplits > 1u ? gl_WorkGroupID.z - product * kSplits : 0u;
  const ivec4 batch = nd_offsets(pc.table, kRank, product);
  a_start = uint(batch.x);
  b_start = uint(batch.y);
  const uint steps = (pc.k + kDepth * 4u - 1u) / (kDepth * 4u);
  const uint first = split * pc.steps, last = min(first + pc.steps, steps);
  MULTIPLY_STEPS(first, last)
  STORE_SUMS
}
