// A Transpose from NHWC to NCHW in front of nodes that work on groups of channels is undone at once by the
// conversion to these groups. ToC4 reads NHWC itself.
#include <algorithm>
#include <array>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {

Status read_channels_last(Graph& graph) {
  static constexpr std::array<std::string_view, 6> kInGroups = {"Conv",        "ConvTranspose",     "MaxPool",
                                                                "AveragePool", "GlobalAveragePool", "Resize"};
  const Readers readers = find_readers(graph);
  for (Node& node : graph.nodes) {
    if (node.op != "Transpose" || !node.post.empty() ||
        graph.value(node.outputs[0]).desc.dtype != DType::kF32 ||
        node.integers("perm") != std::vector<int64_t>{0, 3, 1, 2})
      continue;
    const auto& nodes = readers.nodes[size_t(node.outputs[0])];
    const bool grouped = std::ranges::all_of(nodes, [&](NodeId id) {
      return std::ranges::find(kInGroups, graph.nodes[size_t(id)].op) != kInGroups.end();
    });
    if (nodes.empty() || !grouped || readers.uses[size_t(node.outputs[0])] != int(nodes.size())) continue;
    node.op = "ToC4";
    node.attributes.clear();
    node.attributes["channels_last"] = int64_t{1};
  }
  return {};
}

}  // namespace tarsier::graph
