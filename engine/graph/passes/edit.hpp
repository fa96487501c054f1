// What the passes share: looking around in a graph and editing it. Internal to engine/graph and import.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::graph {

/// Who reads a value. A graph output counts as a reader that is no node.
struct Readers {
  std::vector<std::vector<NodeId>> nodes;  // by value; a node that reads a value twice is listed twice
  std::vector<int> uses;                   // Graph::use_counts()
};
[[nodiscard]] Readers find_readers(const Graph& graph);

/// The node that produces `id`, or null (graph input, constant, absent).
[[nodiscard]] const Node* producer_of(const Graph& graph, ValueId id);
[[nodiscard]] Node* producer_of(Graph& graph, ValueId id);
/// The producer of `id` if it is one of `ops` and carries no post-ops.
[[nodiscard]] const Node* producer_of(const Graph& graph, ValueId id, std::string_view op);

/// The input by index; kNone where the node has fewer.
[[nodiscard]] inline ValueId input_of(const Node& node, size_t index) {
  return index < node.inputs.size() ? node.inputs[index] : kNone;
}

/// The single value of a constant with one element.
[[nodiscard]] std::optional<float> scalar_of(const Graph& graph, ValueId id);
/// Ints of a constant input; empty optional where the input is absent or not constant.
[[nodiscard]] std::optional<std::vector<int64_t>> ints_of(const Graph& graph, ValueId id);

/// Puts nodes in execution order (stable) after a pass appended some, and re-links producers. A cycle is a
/// kRuntime error: no pass may make one.
Status sort_nodes(Graph& graph);
/// What a pass that appended nodes in place of others ends with: drops those of the earlier
/// nodes for which `keep` is false and what only they read, and sorts.
Status replace_nodes(Graph& graph, std::vector<bool> keep);
/// Removes nodes none of whose outputs is read, transitively.
void remove_dead_nodes(Graph& graph);

/// A constant of the same bytes with axes permuted: output axis i is input axis perm[i].
[[nodiscard]] Tensor transposed(const Tensor& tensor, const std::vector<int64_t>& perm);
[[nodiscard]] Shape permuted(const Shape& shape, const std::vector<int64_t>& perm);
[[nodiscard]] bool is_identity(const std::vector<int64_t>& perm);

}  // namespace tarsier::graph
