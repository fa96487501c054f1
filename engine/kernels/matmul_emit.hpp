// The device side of MatMul and Gemm: what both ways to run them share. matmul.cpp picks.
#pragma once

#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/tiles.hpp"

namespace tarsier::kernels {

/// out[batch][m][n] = alpha * sum_k a[...][m][k] * b[...][k][n] + beta * c[m][n], by strides in elements.
struct Product {
  int64_t m = 0, n = 0, k = 0;
  int64_t a_row = 0, a_k = 0, b_k = 0, b_column = 0, c_row = 0, c_column = 0;
  Shape batch;
  std::vector<int64_t> a_batch, b_batch;  // strides along `batch`
  float alpha = 1, beta = 0;

  [[nodiscard]] int64_t batches() const { return graph::element_count(batch); }
  [[nodiscard]] ProductSize size() const { return {m, n, k, batches()}; }
};

/// Where the operands lie, and how they may be read.
struct ProductOperands {
  uint64_t a = 0, b = 0, c = 0, table = 0;  // table: offsets of a and b by product, nd_index.glsl
  uint32_t rank = 1;                        // of the table
  int64_t b_k = 0, b_column = 0;            // of b as it lies on the device
  bool whole_n = false;                     // four columns of b and of the output are one aligned vec4
  bool whole_k = false;                     // four k of a row of a are
};
/// Constant weights given as [N][K] are turned on the way. `others`: strides along the batch of what else the
/// table is to tell offsets of. Not `with_b`: the caller has its own.
Result<ProductOperands> product_operands(Emitter& emitter, const Product& product, bool with_c,
                                         const std::vector<std::vector<int64_t>>& others = {},
                                         bool with_b = true);
/// Workgroups of matmul.comp and matmul_integer.comp, 64 columns of `rows` rows each.
Result<std::array<uint32_t, 3>> product_grid(const Product& product, uint32_t rows);

/// Push constants of matmul.comp and matmul_tiled.comp.
struct ProductPush {
  uint64_t a, b, c, target, table;
  uint32_t m, n, k;
  uint32_t a_row, a_k, b_k, b_column, c_row, c_column;
  float alpha, beta;
  uint32_t steps;  // in a part of k; only tiles are split
  PostPush post;
};
static_assert(sizeof(ProductPush) == 120);
[[nodiscard]] ProductPush product_push(const Product& product, const ProductOperands& operands,
                                       uint64_t target, const PostPush& post);

[[nodiscard]] bool fits_matmul_tiled(const Product& product, const gpu::DeviceFeatures& device);
[[nodiscard]] uint64_t matmul_tiled_scratch(const Product& product, const TileVariant& variant);
Status emit_matmul_tiled(Emitter& emitter, const Product& product, bool with_c, const TileVariant& variant);

/// Whether input 1 is weights for dot products of bytes, and input 0 holds what these multiply.
[[nodiscard]] bool fits_matmul_bytes(const OpView& view, const Product& product);

/// Constant b and c (by columns), whole groups of four, enough rows.
[[nodiscard]] bool fits_matmul_dense(const OpView& view, const Product& product,
                                     const gpu::DeviceFeatures& device);
Status emit_matmul_dense(Emitter& emitter, const Product& product);

}  // namespace tarsier::kernels
