// Evaluating single nodes on the host, for constant folding.
#pragma once

#include "graph/graph.hpp"
#include "graph/op.hpp"

namespace tarsier::graph {

/// Elements that a constant may have that is made while a graph is compiled (those of a file may have more):
/// 1 GiB of fp32, so that no few bytes of a file fill the memory.
inline constexpr int64_t kMostMade = int64_t{1} << 28;

/// True where the node's result does not depend on what the network is fed: all inputs constant, or Shape and
/// Size of a value of known shape. Random generators have no reference and are not foldable.
[[nodiscard]] bool is_foldable(const Graph& graph, const Node& node, const OpDef& op);
/// Computes the node and makes its outputs constants; the node itself is left for the caller to remove.
Status fold_node(Graph& graph, const Node& node, const OpDef& op);

}  // namespace tarsier::graph
