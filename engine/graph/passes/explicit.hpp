// What ONNX lets a node leave open once its input shapes are known, written out.
#pragma once

#include "graph/graph.hpp"

namespace tarsier::graph {

/// Called on a node whose inputs have static shapes. Afterwards, and so for every shape rule and kernel:
///  - convolutions and pools have `kernel_shape`, `strides`, `dilations` and `pads`; no auto_pad, no
///    output_shape
///  - Transpose has `perm`; reductions have their axes input; Resize has full-rank scales or sizes
///  - ReduceMean over H and W of a rank-4 value with keepdims is GlobalAveragePool
///  - (Log)Softmax of opset 12 and before has the one axis that matters
/// Errors say what can't be expressed.
Status make_explicit(Graph& graph, Node& node);

}  // namespace tarsier::graph
