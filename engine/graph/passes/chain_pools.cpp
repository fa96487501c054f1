// Spatial pyramid pooling takes the maxima of growing windows around each pixel (5, 9 and 13 in YOLO). The
// maximum over a large window is that over small ones of the maxima of small windows: each pool reads the one
// before it, and all of them are small.
#include <algorithm>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// Edge of the square window that a MaxPool centres on each pixel; 0 where it is no such pool.
int64_t centred_window(const Graph& graph, const Node& node) {
  if (node.op != "MaxPool" || !node.post.empty() || node.outputs.size() != 1) return 0;
  const auto kernel = node.integers("kernel_shape"), pads = node.integers("pads", {0, 0, 0, 0});
  const std::vector<int64_t> ones{1, 1};
  if (kernel.size() != 2 || kernel[0] != kernel[1] || kernel[0] % 2 == 0 ||
      node.integers("strides", ones) != ones || node.integers("dilations", ones) != ones ||
      node.text("auto_pad", "NOTSET") != "NOTSET" || pads != std::vector<int64_t>(4, kernel[0] / 2) ||
      graph.shape(node.inputs[0]).size() != 4)
    return 0;
  return kernel[0];
}

}  // namespace

Status chain_pools(Graph& graph) {
  const Readers readers = find_readers(graph);
  bool changed = false;
  for (size_t value = 0; value < readers.nodes.size(); ++value) {
    std::vector<std::pair<int64_t, size_t>> pools;  // window, node
    for (const NodeId id : readers.nodes[value]) {
      if (const int64_t window = centred_window(graph, graph.nodes[size_t(id)]); window > 1)
        pools.emplace_back(window, size_t(id));
    }
    std::ranges::sort(pools);
    for (size_t i = 1; i < pools.size(); ++i) {
      const auto [before, smaller] = pools[i - 1];
      const auto [window, index] = pools[i];
      if (window == before) continue;
      const int64_t rest = window - before + 1;
      Node& pool = graph.nodes[index];
      pool.inputs[0] = graph.nodes[smaller].outputs[0];
      pool.attributes["kernel_shape"] = std::vector<int64_t>{rest, rest};
      pool.attributes["pads"] = std::vector<int64_t>(4, rest / 2);
      changed = true;
    }
  }
  return changed ? sort_nodes(graph) : Status();
}

}  // namespace tarsier::graph
