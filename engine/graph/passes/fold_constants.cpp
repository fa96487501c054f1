// Nodes whose inputs are all known are computed once, here, instead of on the device for every frame.
#include <algorithm>

#include "graph/passes/edit.hpp"
#include "graph/passes/evaluate.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {

bool is_foldable(const Graph& graph, const Node& node, const OpDef& op) {
  if (!node.post.empty()) return false;
  if (node.op == "Shape" || node.op == "Size")
    return !node.inputs.empty() && is_static(graph.shape(node.inputs[0]));
  if (!op.reference) return false;
  return std::ranges::all_of(node.inputs,
                             [&](ValueId id) { return id == kNone || graph.constant(id) != nullptr; });
}

Status fold_node(Graph& graph, const Node& node, const OpDef& op) {
  if (node.op == "Shape" || node.op == "Size") {
    const Shape shape = graph.shape(node.inputs[0]);
    if (node.op == "Size") {
      const int64_t size = element_count(shape);
      graph.value(node.outputs[0]).constant = Tensor::i64({}, std::span(&size, 1));
    } else {
      // ONNX Shape-15: `start` and `end` cut the list, negative ones count from the back, both are clamped.
      const auto rank = static_cast<int64_t>(shape.size());
      const auto clamp = [rank](int64_t axis) {
        return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
      };
      const int64_t start = clamp(node.integer("start", 0));
      const int64_t end = std::max(start, clamp(node.integer("end", rank)));
      const std::vector<int64_t> cut(shape.begin() + start, shape.begin() + end);
      graph.value(node.outputs[0]).constant = Tensor::i64({end - start}, cut);
    }
    graph.value(node.outputs[0]).desc = graph.value(node.outputs[0]).constant->desc();
    return {};
  }
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(graph.constant(id));
  TARSIER_TRY(std::vector<Tensor> results, op.reference(node, inputs));
  for (size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
    if (node.outputs[i] == kNone) continue;
    Value& value = graph.value(node.outputs[i]);
    value.desc = results[i].desc();
    value.constant = std::move(results[i]);
  }
  return {};
}

namespace {

/// What is so much larger than what it is made of is left to the device.
bool fills_memory(const Graph& graph, const Node& node) {
  int64_t given = kMostMade;
  for (const ValueId id : node.inputs)
    if (id != kNone) given = std::max(given, element_count(graph.shape(id)));
  return std::ranges::any_of(
      node.outputs, [&](ValueId id) { return id != kNone && element_count(graph.shape(id)) > given; });
}

}  // namespace

Status fold_constants(Graph& graph, const OpRegistry& ops) {
  std::vector<bool> keep(graph.nodes.size(), true);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const OpDef* op = ops.find(node.op);
    if (op == nullptr || !is_foldable(graph, node, *op) || fills_memory(graph, node)) continue;
    if (Status status = fold_node(graph, node, *op); !status.ok())
      return status.error().in(fmt::format("network {}: node {} ({})", graph.name, node.name, node.op));
    keep[i] = false;
  }
  graph.retain_nodes(keep);
  return {};
}

}  // namespace tarsier::graph
