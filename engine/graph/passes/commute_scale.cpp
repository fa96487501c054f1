// A scale per channel before depthwise convolutions moves behind them: scaling commutes with a convolution
// that mixes no channels, and behind one it is a post-op that costs no pass over memory. Where the network
// gates a feature map (squeeze-and-excite in front of separable convolutions) the map itself is then never
// rewritten.
#include <algorithm>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// Index of the input of a Mul that is one number a channel of the other, [N,C,1,1] for [N,C,H,W].
std::optional<size_t> scale_input(const Graph& graph, const Node& mul) {
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const Shape& scale = graph.shape(mul.inputs[i]);
    const Shape& x = graph.shape(mul.inputs[1 - i]);
    if (x.size() == 4 && scale == Shape{x[0], x[1], 1, 1} && x != scale) return i;
  }
  return std::nullopt;
}

/// A bias would have to stay unscaled.
bool is_depthwise_without_bias(const Graph& graph, const Node& node, ValueId input) {
  return node.op == "Conv" && node.inputs[0] == input && input_of(node, 2) == kNone && node.post.empty() &&
         node.integer("group", 1) == graph.shape(input)[1] &&
         graph.shape(node.outputs[0])[1] == graph.shape(input)[1];
}

}  // namespace

Status commute_scale(Graph& graph) {
  const Readers readers = find_readers(graph);
  const size_t count = graph.nodes.size();  // `readers` knows nothing of what is added
  for (size_t n = 0; n < count; ++n) {
    if (graph.nodes[n].op != "Mul" || graph.nodes[n].inputs.size() != 2 || !graph.nodes[n].post.empty())
      continue;
    const auto scale_at = scale_input(graph, graph.nodes[n]);
    if (!scale_at) continue;
    const ValueId scaled = graph.nodes[n].outputs[0];
    const ValueId scale = graph.nodes[n].inputs[*scale_at], x = graph.nodes[n].inputs[1 - *scale_at];
    // Read by nobody else, `x` takes the scale as a post-op of its own producer.
    if (readers.uses[size_t(x)] < 2) continue;
    const std::vector<NodeId> convolutions = readers.nodes[size_t(scaled)];
    const auto fits = [&](NodeId id) {
      return is_depthwise_without_bias(graph, graph.nodes[size_t(id)], scaled);
    };
    if (convolutions.empty() || readers.uses[size_t(scaled)] != int(convolutions.size()) ||
        !std::ranges::all_of(convolutions, fits)) {
      continue;
    }
    for (const NodeId id : convolutions) {
      const ValueId result = graph.nodes[size_t(id)].outputs[0];
      const ValueId unscaled =
          graph.add_value(graph.value(result).name + "/unscaled", graph.value(result).desc);
      graph.nodes[size_t(id)].inputs[0] = x;
      graph.nodes[size_t(id)].outputs[0] = unscaled;
      Node mul;
      mul.op = "Mul";
      mul.name = graph.nodes[size_t(id)].name + "/scale";
      mul.inputs = {unscaled, scale};
      mul.outputs = {result};
      graph.add_node(std::move(mul));
    }
  }
  remove_dead_nodes(graph);
  return sort_nodes(graph);
}

}  // namespace tarsier::graph
