// Remaps rows and columns of kC4 planes by tables (shader remap.comp): nearest resize, slices and padding of
// H and W.
#pragma once

#include "kernels/operator.hpp"

namespace tarsier::kernels {

/// out[y][x] = in[rows[y]][columns[x]]; `fill` where an entry is -1.
Status emit_remap(Emitter& emitter, const graph::Value& in, uint64_t source, const Operand& out,
                  const std::vector<int32_t>& rows, const std::vector<int32_t>& columns, float fill);

}  // namespace tarsier::kernels
