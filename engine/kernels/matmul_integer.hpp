// Products of integers on the device and the host, for matmul.cpp and matmul_integer.cpp.
#pragma once

#include "kernels/matmul_emit.hpp"

namespace tarsier::kernels {

/// What a product of integers has beside its operands.
struct IntegerTerms {
  bool zero_a = false, zero_b = false;  // inputs 2 and 3: taken off the operands
  bool with_c = false;                  // input 2: added
  int64_t a_step = 0, b_step = 0;       // of the zero points from row to row of a, column to column of b
  std::vector<int64_t> a_batch = {}, b_batch = {};  // of the zero points along Product::batch
};

/// numpy's matrix product of inputs 0 and 1 (matmul.cpp).
[[nodiscard]] Result<Product> describe_matmul(const OpView& view);
[[nodiscard]] Shape matmul_shape(const OpView& view, const Product& product);

Status emit_integer_product(Emitter& emitter, const Product& product, const IntegerTerms& terms);
/// The host's. `c` may be empty.
[[nodiscard]] std::vector<int64_t> integer_product(const Product& product, const std::vector<int64_t>& a,
                                                   const std::vector<int64_t>& b,
                                                   const std::vector<int64_t>& c);

}  // namespace tarsier::kernels
