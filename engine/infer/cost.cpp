#include "infer/cost.hpp"

#include "core/result.hpp"
#include "infer/device_tensor.hpp"

namespace tarsier::infer {

int64_t flop_of(const graph::Graph& graph, const graph::Node& node) {
  if (node.inputs.size() < 2 || node.inputs[1] == graph::kNone || node.outputs.empty()) return 0;
  const auto& in = graph.shape(node.inputs[0]);
  const auto& weights = graph.shape(node.inputs[1]);
  const int64_t results = graph::element_count(graph.shape(node.outputs[0]));
  if (node.op == "Conv" && !weights.empty() && weights[0] > 0) {
    return 2 * results * (graph::element_count(weights) / weights[0]);
  }
  if (node.op == "ConvTranspose" && !weights.empty() && weights[0] > 0) {
    return 2 * graph::element_count(in) * (graph::element_count(weights) / weights[0]);
  }
  if ((node.op == "Gemm" || node.op == "MatMul") && !in.empty()) {
    const bool transposed = node.op == "Gemm" && node.integer("transA", 0) != 0;
    return 2 * results * (transposed ? in.front() : in.back());
  }
  return 0;
}

uint64_t bytes_of(const graph::Graph& graph, const graph::Node& node) {
  uint64_t bytes = 0;
  const auto add = [&](graph::ValueId id) {
    if (id != graph::kNone) bytes += device_bytes(graph.value(id));
  };
  for (const auto id : node.inputs) add(id);
  for (const auto& post : node.post) add(post.operand);
  for (const auto id : node.outputs) add(id);
  return bytes;
}

std::string shape_text(const graph::Graph& graph, const graph::Node& node) {
  const auto text = [&](const std::vector<graph::ValueId>& ids) {
    return ids.empty() || ids[0] == graph::kNone ? std::string("none")
                                                 : graph::to_string(graph.shape(ids[0]));
  };
  return fmt::format("{} -> {}", text(node.inputs), text(node.outputs));
}

}  // namespace tarsier::infer
