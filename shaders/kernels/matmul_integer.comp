#version 460
#extension GL_GOOGLE_include_directive : require
// Strided matrix product of 32-bit integers; engine/kernels/matmul_integer.cpp. A lane computes 4 columns of
// kRows rows, as matmul.comp does.
#include "nd_index.glsl"

layout(local_size_x = 16) in;
layout(constant_id = 0) const uint kFlags = 0u;  // 1, 2: zero points of a, b; 4: with c; 8: scaled by alpha, beta
layout(constant_id = 1) const uint kRank = 1u;
layout(constant_id = 2) const uint kRows = 4u;

layout(push_constant, std430) uniform Push {
  uint64_t a, b, zero_a, zero_b, c, target, table;
  uint m, n, k;
  uint a_row, a_k, b_k, b_column;
  uint zero_a_step, zero_b_step, c_row, c_column;
  float alpha, beta;
  uint reserved;
} pc;

void main() {
  const uint column = gl_GlobalInvocationID.x * 4u, row = gl_WorkGroupID.y * kRows;
  if (column >= pc.n) return;
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
  for (uint k = 0u; k < pc.k; ++k) {
    ivec4 b;
    [[unroll]] for (uint j = 0u; j < 4u; ++j) b[j] = load_int(pc.b, b_at[j] + k * pc.b_k);
    b -= zero_b;
    [[unroll]] for (uint r = 0u; r < kRows; ++r) sum[r] += (load_int(pc.a, a_at[r] + k * pc.a_k) - zero_a[r]) * b;
  }
  [[unroll]] for (uint r = 0u; r < 4u; ++r) {
    if (r < kRows && row + r < pc.m) {
      [[unroll]] for (uint j = 0u; j < 4u; ++j) {
        if (column + j < pc.n) {
          const int c = (kFlags & 4u) != 0u ? load_int(pc.c, (row + r) * pc.c_row + columns[j] * pc.c_column) : 0;
          const int x = (kFlags & 8u) != 0u ? int(pc.alpha * float(sum[r][j]) + pc.beta * float(c)) : sum[r][j] + c;
          store_word(pc.target, (gl_WorkGroupID.z * pc.m + row + r) * pc.n + column + j, uint(x));
        }
      }
    }
  }
}
