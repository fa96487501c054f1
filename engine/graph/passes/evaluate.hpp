// Evaluating single nodes on the host, for constant folding.
#pragma once

#include "graph/graph.hpp"
#include "graph/op.hpp"

namespace tarsier::graph {

/// True where the node's result does not depend on what the network is fed: all inputs constant, or Shape and
/// Size of a value of known shape. Random generators have no reference and are not foldable.
[[nodiscard]] bool is_foldable(const Graph& graph, const Node& node, const OpDef& op);
/// Computes the node and makes its outputs constants; the node itself is left for the caller to remove.
Status fold_node(Graph& graph, const Node& node, const OpDef& op);

}  // namespace tarsier::graph
