// One strided copy between row-major tensors (shader strided_copy.comp).
#pragma once

#include "kernels/nd_index.hpp"

namespace tarsier::kernels {

/// target[target_start + i . target_strides] = source[source_start + i . source_strides] for every index i
/// of `shape`. Elements, not bytes.
struct StridedCopy {
  Shape shape;
  std::vector<int64_t> source_strides, target_strides;
  int64_t source_start = 0, target_start = 0;
};

Status emit_strided_copy(Emitter& emitter, const StridedCopy& copy, uint64_t source, uint64_t target);
/// The same on the host, for any element type.
Tensor strided_copy(const Tensor& source, const StridedCopy& copy, Tensor target);

}  // namespace tarsier::kernels
