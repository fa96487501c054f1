// Networks from TensorFlow begin and end with a Transpose between NHWC and NCHW. Where the caller reads and
// writes device memory through views (pre-processing, decoders), these only cost time.
#include <algorithm>

#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

const std::vector<int64_t> kToNchw = {0, 3, 1, 2};
const std::vector<int64_t> kToNhwc = {0, 2, 3, 1};

bool is_transpose(const Node& node, const std::vector<int64_t>& permutation) {
  return node.op == "Transpose" && node.post.empty() && node.integers("perm") == permutation;
}

bool peel_input(Graph& graph, ValueId input, std::vector<bool>& keep) {
  if (graph.shape(input).size() != 4) return false;
  std::vector<size_t> transposes;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (std::ranges::find(node.inputs, input) == node.inputs.end()) continue;
    if (!is_transpose(node, kToNchw)) return false;
    transposes.push_back(i);
  }
  if (transposes.empty() || std::ranges::find(graph.outputs, input) != graph.outputs.end()) return false;
  for (const size_t i : transposes) {
    graph.replace_uses(graph.nodes[i].outputs[0], input);
    keep[i] = false;
  }
  const Shape nhwc = graph.shape(input);
  graph.value(input).desc.shape = {nhwc[0], nhwc[3], nhwc[1], nhwc[2]};
  return true;
}

bool peel_output(Graph& graph, ValueId& output, const std::vector<int>& uses, std::vector<bool>& keep) {
  const NodeId producer = graph.value(output).producer;
  if (producer == kNone || !is_transpose(graph.nodes[static_cast<size_t>(producer)], kToNhwc)) return false;
  const ValueId inner = graph.nodes[static_cast<size_t>(producer)].inputs[0];
  const Value& value = graph.value(inner);
  if (uses[static_cast<size_t>(output)] != 1 || value.producer == kNone || value.constant) return false;
  if (std::ranges::find(graph.outputs, inner) != graph.outputs.end()) return false;
  std::swap(graph.value(inner).name, graph.value(output).name);
  keep[static_cast<size_t>(producer)] = false;
  output = inner;
  return true;
}

}  // namespace

std::vector<std::string> peel_transposes(Graph& graph) {
  std::vector<std::string> peeled;
  std::vector<bool> keep(graph.nodes.size(), true);
  for (const ValueId input : graph.inputs) {
    if (peel_input(graph, input, keep)) peeled.push_back(graph.value(input).name);
  }
  const std::vector<int> uses = graph.use_counts();
  for (ValueId& output : graph.outputs) {
    if (peel_output(graph, output, uses, keep)) peeled.push_back(graph.value(output).name);
  }
  graph.retain_nodes(keep);
  return peeled;
}

}  // namespace tarsier::graph
