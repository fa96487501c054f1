// Remaps rows and columns of kC4 planes by tables (shader remap.comp): nearest resize, slices and padding of
// H and W.
#pragma once

#include "kernels/operator.hpp"

namespace tarsier::kernels {

/// out[y][x] = in[rows[y]][columns[x]]; `fill` where an entry is -1.
Status emit_remap(Emitter& emitter, const graph::Value& in, uint64_t source, const Operand& out,
                  const std::vector<int32_t>& rows, const std::vector<int32_t>& columns, float fill);

/// Any axis of a row-major tensor of shape `in` (at most 8 axes, shader pad.comp): output coordinate c of
/// axis d is input coordinate maps[d][c]; where one is -1 the output is the word `fill`.
Status emit_axis_maps(Emitter& emitter, const Shape& in, uint64_t source, const Operand& out,
                      const std::vector<std::vector<int32_t>>& maps, uint32_t fill);

}  // namespace tarsier::kernels
