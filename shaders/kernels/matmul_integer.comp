#version 460
#extension GL_GOOGLE_include_directive : require
// Strided matrix product of 32-bit integers; engine/kernels/matmul_integer.cpp. A lane computes 4 columns of
// kRows rows, as matmul.comp does.
#include "nd_index.glsl"

layout(local_size_x = 16) in;
layout(constant_id = 0) const uint kFlags = 0u;  // 1, 2: zero points of a, b; 4: with c; 8: scaled by alpha, beta
layout(constant_id = 1) const uint kRank = 1u;
layout(constant_id = 2) const uint kRows = 4u;
layout(constant_id = 3) const uint kWhole = 0u;   // four columns are one aligned vec4
layout(constant_id = 4) const uint kWholeK = 0u;  // four k of a row of a are one aligned vec4

layout(push_constant, std430) uniform Push {
  uint64_t a, b, zero_a, zero_b, c, target, table;
  uint m, n, k;
  uint a_row, a_k, b_k, b_column;
  uint zero_a_step, zero_b_step, c_row, c_column;
  float alpha, beta;
  uint reserved;
} pc;

ivec4 load_b(uvec4 b_at, uint k) {
  if (kWhole != 0u) return ivec4(load_words(pc.b, (b_at.x + k * pc.b_k) >> 2));
  ivec4 b;
  [[unroll]] for (uint j = 0u; j < 4u; ++j) b[j] = load_int(pc.b, b_at[j] + k * pc.b_k);
  return b;
}

void main() {
  const uint across = (pc.n + 63u) / 64u, fold = gl_WorkGroupID.x / across;
  const uint column = (gl_WorkGroupID.x - fold * across) * 64u + gl_LocalInvocationID.x * 4u;
  const uint row = (fold * gl_NumWorkGroups.y + gl_WorkGroupID.y) * kRows;
  if (column >= pc.n || row >= pc.m) return;
  const ivec4 batch = nd_offsets(pc.table, kRank, gl_WorkGroupID.z);
  // Rows and columns beyond the edge repeat the last one and are not stored.
  const uvec4 columns = min(uvec4(column) + uvec4(0u, 1u, 2u, 3u), uvec4(pc.n - 1u));
  const uvec4 b_at = uvec4(uint(batch.y)) + columns * pc.b_column;
  uint a_at[4];
  int zero_a[4];
  [[unroll]] for (uint r = 0u; r < 4u; ++r) {
    const uint at = min(row + r, pc.m - 1u);
    a_at[r] = uint(batch.x) + at * pc.a_row;
    zero_a[r] = (kFlags & 1u) != 0u ? load_int(pc.zero_a, uint(batch.z) + at * pc.zero_a_step) : 0;
  }
  ivec4 zero_b = ivec4(0);
  if ((kFlags & 2u) != 0u) {
    [[unroll]] for (uint j = 0u; j < 4u; ++j)
      zero_b[j] = load_int(pc.zero_b, uint(batch.w) + columns[j] * pc.zero_b_step);
  }
  ivec4 sum[4] = ivec4[4](ivec4(0), ivec4(0), ivec4(0), ivec4(0));
  if (kWholeK != 0u) {
    for (uint k = 0u; k < pc.k; k += 4u) {
      ivec4 b[4];
      [[unroll]] for (uint i = 0u; i < 4u; ++i) b[i] = load_b(b_at, k + i) - zero_b;
      [[unroll]] for (uint r = 0u; r < kRows; ++r) {
        const ivec4 a = ivec4(load_words(pc.a, (a_at[r] + k) >> 2)) - zero_a[r];
        [[unroll]] for (uint i = 0u; i < 4u; ++i) sum[r] += a[i] * b[i];
      }
    }
  } else {
    for (uint k = 0u; k < pc.k; ++k) {
      const ivec4 b = load_b(b_at, k) - zero_b;
      [[unroll]] for (uint r = 0u; r < kRows; ++r) sum[r] += (load_int(pc.a, a_at[r] + k * pc.a_k) - zero_a[r]) * b;
    }
  }
  [[unroll]] for (uint r = 0u; r < kRows; ++r) {
    if (row + r >= pc.m) break;
    ivec4 x = sum[r];
    if ((kFlags & 4u) != 0u) {
      const uint at = (row + r) * pc.c_row;
      ivec4 c;
      [[unroll]] for (uint j = 0u; j < 4u; ++j) c[j] = load_int(pc.c, at + columns[j] * pc.c_column);
      x = (kFlags & 8u) != 0u ? ivec4(pc.alpha * vec4(x) + pc.beta * vec4(c)) : x + c;
    } else if ((kFlags & 8u) != 0u) {
      x = ivec4(pc.alpha * vec4(x));
    }
    const uint at = (gl_WorkGroupID.z * pc.m + row + r) * pc.n + column;
    if (kWhole != 0u) {
      store_words(pc.target, at >> 2, uvec4(x));
    } else {
      [[unroll]] for (uint j = 0u; j < 4u; ++j) {
        if (column + j < pc.n) store_word(pc.target, at + j, uint(x[j]));
      }
    }
  }
}
