// A network exported for one input size often has nothing in it that depends on that size but the target
// sizes of its Resize nodes. Written as factors, the network runs at any size that its strides divide.
#include <cmath>

#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// Target sizes become factors. False where one is no whole multiple of its input: then the size is meant.
bool resize_by_factor(Graph& graph, Node& node) {
  if (node.inputs.size() < 4 || node.inputs[3] == kNone) return true;
  const Tensor* sizes = graph.constant(node.inputs[3]);
  if (sizes == nullptr || sizes->size() == 0) return sizes != nullptr;
  const Shape from = graph.shape(node.inputs[0]);
  const std::vector<int64_t> to = sizes->to_ints();
  std::vector<int64_t> axes = node.integers("axes");
  if (axes.empty()) {
    for (size_t d = 0; d < from.size(); ++d) axes.push_back(static_cast<int64_t>(d));
  }
  if (axes.size() != to.size()) return false;
  std::vector<float> factors;
  for (size_t i = 0; i < to.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + static_cast<int64_t>(from.size()) : axes[i];
    const int64_t extent = from[static_cast<size_t>(axis)];
    if (extent <= 0 || to[i] % extent != 0) return false;
    const int64_t factor = to[i] / extent;
    factors.push_back(static_cast<float>(factor));
  }
  const Shape shape{static_cast<int64_t>(factors.size())};
  const ValueId scales = graph.add_constant(node.name + "/factors", Tensor::f32(shape, factors));
  node.inputs[2] = scales;
  node.inputs.resize(3);
  return true;
}

}  // namespace

bool open_input_size(Graph& graph, int height_axis) {
  if (graph.inputs.size() != 1) return false;
  for (const Node& node : graph.nodes) {
    // Anything that reshapes may hold the size in a constant; only networks of local operators are opened.
    if (node.op == "Reshape" || node.op == "MatMul" || node.op == "Gemm" || node.op == "Expand") return false;
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != "Resize") continue;
    Node node = graph.nodes[i];  // adding a constant may move the nodes' values, not the nodes
    if (!resize_by_factor(graph, node)) return false;
    graph.nodes[i] = std::move(node);
  }
  Shape& shape = graph.value(graph.inputs.front()).desc.shape;
  if (shape.size() != 4) return false;
  shape[static_cast<size_t>(height_axis)] = -1;
  shape[static_cast<size_t>(height_axis) + 1] = -1;
  return true;
}

}  // namespace tarsier::graph
