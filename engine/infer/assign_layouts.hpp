// Decides how every value lies in device memory and inserts the conversions between what does not fit.
#pragma once

#include "graph/graph.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {

/// Sets Value::layout of every value that is no constant:
///  - each kernel says which layouts it wants (Kernel::layouts; elementwise kernels follow their inputs);
///  - where a producer's layout differs, a ToC4 or ToLinear node is inserted, once for each value;
///  - a rank-4 graph input takes kC4 where the first kernel that is not indifferent wants it, so that whoever
///    writes the input does the conversion; graph outputs keep what their producer makes (TensorBinding
///    tells).
Status assign_layouts(graph::Graph& graph, const kernels::Registry& kernels);

}  // namespace tarsier::infer
