#version 460
#extension GL_GOOGLE_include_directive : require
// Strided matrix product; engine/kernels/matmul.cpp. A lane computes 4 columns of kRows rows; the 16 lanes of
// a workgroup lie side by side, so that they load neighbours of b.
#include "activation.glsl"
#include "nd_index.glsl"

layout(local_size_x = 16) in;
layout(constant_id = 2) const uint kRows = 4u;  // 1 or 4
layout(constant_id = 3) const uint kWhole = 0u;  // four columns are one aligned vec4
layout(constant_id = 4) const uint kWithC = 0u;
layout(constant_id = 5) const uint kRank = 1u;
layout(constant_id = 6) const uint kWholeK = 0u;  // four k of a row of a are one aligned vec4

layout(push_constant, std430) uniform Push {
  uint64_t a, b, c, target, table;
  uint m, n, k;
  uint a_row, a_k, b_k, b_column, c_row, c_column;
  float alpha, beta;
  uint steps;  // of matmul_tiled.comp
  POST_PUSH
} pc;

vec4 load_b(uvec4 b_at, uint k) {
  if (kWhole != 0u) return load_group(pc.b, (b_at.x + k * pc.b_k) >> 2, 0u);
  vec4 b;
  [[unroll]] for (uint j = 0u; j < 4u; ++j) b[j] = load_float(pc.b, b_at[j] + k * pc.b_k);
  return b;
}

void main() {
  // x counts blocks of columns first, then what y can't count of the rows: product_grid() of matmul.cpp.
  const uint across = (pc.n + 63u) / 64u, fold = gl_WorkGroupID.x / across;
  const uint column = (gl_WorkGroupID.x - fold * across) * 64u + gl_LocalInvocationID.x * 4u;
  const uint row = (fold * gl_NumWorkGroups.y + gl_WorkGroupID.y) * kRows;
  if (column >= pc.n || row >= pc.m) return;
  const ivec4 batch = nd_offsets(pc.table, kRank, gl_WorkGroupID.z);
  // Rows and columns beyond the edge repeat the last one and are not stored.
  const uvec4 columns = min(uvec4(column) + uvec4(0u, 1u, 2u, 3u), uvec4(pc.n - 1u));
  uint a_at[4];
  [[unroll]] for (uint r = 0u; r < 4u; ++r) a_at[r] = uint(batch.x) + min(row + r, pc.m - 1u) * pc.a_row;
  const uvec4 b_at = uvec4(uint(batch.y)) + columns * pc.b_column;
  vec4 sum[4] = vec4[4](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
  if (kWholeK != 0u) {
    for (uint k = 0u; k < pc.k; k += 4u) {
      vec4 b[4];
      [[unroll]] for (uint i = 0u; i < 4u; ++i) b[i] = load_b(b_at, k + i);
      [[unroll]] for (uint r = 0u; r < kRows; ++r) {
        const vec4 a = load_group(pc.a, (a_at[r] + k) >> 2, 0u);
        [[unroll]] for (uint i = 0u; i < 4u; ++i) sum[r] += a[i] * b[i];
      }
    }
  } else {
    for (uint k = 0u; k < pc.k; ++k) {
      const vec4 b = load_b(b_at, k);
      [[unroll]] for (uint r = 0u; r < kRows; ++r) sum[r] += load_float(pc.a, a_at[r] + k * pc.a_k) * b;
    }
  }
  [[unroll]] for (uint r = 0u; r < 4u; ++r) {
    if (r < kRows && row + r < pc.m) {
      vec4 x = sum[r] * pc.alpha;
      if (kWithC != 0u) {
        const uint at = (row + r) * pc.c_row;
        [[unroll]] for (uint j = 0u; j < 4u; ++j) x[j] += pc.beta * load_float(pc.c, at + columns[j] * pc.c_column);
      }
      x = apply_post_ops(x, 0u, 0u, 0u);
      const uint at = (gl_WorkGroupID.z * pc.m + row + r) * pc.n + column;
      if (kWhole != 0u) {
        store_group(pc.target, at >> 2, x, 0u);
      } else {
        [[unroll]] for (uint j = 0u; j < 4u; ++j) {
          if (column + j < pc.n) store_float(pc.target, at + j, x[j]);
        }
      }
    }
  }
}
