#include "infer/layer_check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "graph/interpreter.hpp"
#include "infer/compiler.hpp"
#include "infer/isolated_node.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Tensor;
using graph::ValueId;

namespace {

class LayerChecker {
 public:
  LayerChecker(gpu::Device& device, const Graph& graph, const std::vector<Tensor>& inputs)
      : device_(device), graph_(graph), uses_(graph.use_counts()) {
    for (size_t i = 0; i < inputs.size() && i < graph.inputs.size(); ++i) held_[graph.inputs[i]] = inputs[i];
  }

  LayerCheck check(const Node& node, const std::vector<Tensor>& wanted) {
    LayerCheck row;
    row.name = node.name;
    row.op = node.op;
    const Graph alone = isolated(graph_, node);
    const auto& out = alone.value(alone.outputs[0]);
    row.shape = graph::to_string(out.desc.shape);
    const auto half = [&](const graph::Value& value) { return value.storage == graph::DType::kF16; };
    row.tolerance =
        node.half_products || std::ranges::any_of(alone.values, half) ? kHalfLayerTolerance : kLayerTolerance;
    std::vector<Tensor> data;
    for (const ValueId id : inputs_of(node)) data.push_back(held_.at(id));
    const auto got = run(alone, data);
    if (!got.ok()) {
      row.failure = got.error().message;
    } else {
      size_t at = 0;
      for (size_t i = 0; i < node.outputs.size(); ++i)
        if (node.outputs[i] != kNone)
          row.error = std::max(row.error, range_error((*got)[at++].to_floats(), wanted[i].to_floats()));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != kNone) held_[node.outputs[i]] = wanted[i];
    release(node);
    return row;
  }

  /// What the device makes of the node with everything stored in fp32; one tensor for each of its outputs.
  Result<std::vector<Tensor>> run_in_fp32(const Node& node) {
    Graph alone = isolated(graph_, node);
    for (auto& value : alone.values)
      if (value.storage == graph::DType::kF16) value.storage = graph::DType::kF32;
    alone.nodes[0].half_products = false;
    std::vector<Tensor> data;
    for (const ValueId id : inputs_of(node)) data.push_back(held_.at(id));
    TARSIER_TRY(const auto given, run(alone, data));
    std::vector<Tensor> outputs(node.outputs.size());
    for (size_t i = 0, at = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != kNone) outputs[i] = given[at++];
    return outputs;
  }

 private:
  Result<std::vector<Tensor>> run(const Graph& alone, const std::vector<Tensor>& data) {
    TARSIER_TRY(const auto plan, Compiler(device_, alone, {}).build());
    return Session(device_, *plan).run(data);
  }

  /// As isolated() orders them.
  [[nodiscard]] std::vector<ValueId> inputs_of(const Node& node) const {
    std::vector<ValueId> ids;
    const auto add = [&](ValueId id) {
      if (id != kNone && graph_.constant(id) == nullptr && std::ranges::find(ids, id) == ids.end())
        ids.push_back(id);
    };
    for (const ValueId id : node.inputs) add(id);
    for (const auto& post : node.post) add(post.operand);
    return ids;
  }

  void release(const Node& node) {
    const auto drop = [&](ValueId id) {
      if (id != kNone && --uses_[size_t(id)] == 0) held_.erase(id);
    };
    for (const ValueId id : node.inputs) drop(id);
    for (const auto& post : node.post) drop(post.operand);
  }

  gpu::Device& device_;
  const Graph& graph_;
  std::map<ValueId, Tensor> held_;
  std::vector<int> uses_;
};

}  // namespace

double largest_difference(const std::vector<float>& got, const std::vector<float>& wanted) {
  double error = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double g = got[i], w = wanted[i];
    if ((std::isnan(g) && std::isnan(w)) || g == w) continue;
    if (!std::isfinite(g) || !std::isfinite(w)) return std::numeric_limits<double>::infinity();
    error = std::max(error, std::fabs(g - w));
  }
  return error;
}

double magnitude(const std::vector<float>& values) {
  double most = 1e-30;
  for (const double value : values)
    if (std::isfinite(value)) most = std::max(most, std::fabs(value));
  return most;
}

double range_error(const std::vector<float>& got, const std::vector<float>& wanted) {
  return largest_difference(got, wanted) / magnitude(wanted);
}

std::set<std::string> failed_layers(const std::vector<LayerCheck>& layers) {
  std::set<std::string> names;
  for (const auto& layer : layers)
    if (!layer.passed()) names.insert(layer.name);
  return names;
}

Result<NetworkCheck> check_layers(gpu::Device& device, const Graph& graph, const std::vector<Tensor>& inputs,
                                  const std::function<void(float, std::string_view)>& progress) {
  NetworkCheck out;
  LayerChecker checker(device, graph, inputs);
  const auto visit = [&](const Node& node, const std::vector<Tensor>& outputs) {
    if (progress) progress(float(out.layers.size()) / float(graph.nodes.size()), node.name);
    out.layers.push_back(checker.check(node, outputs));
  };
  TARSIER_TRY(out.outputs, graph::evaluate(graph, inputs, kernels::Registry::instance(), visit));
  return out;
}

Result<std::vector<LayerCheck>> compare_with_fp32(gpu::Device& device, const Graph& graph,
                                                  const std::vector<Tensor>& inputs) {
  std::vector<LayerCheck> rows;
  LayerChecker checker(device, graph, inputs);
  for (const Node& node : graph.nodes) {
    TARSIER_TRY(const auto wanted, checker.run_in_fp32(node));
    rows.push_back(checker.check(node, wanted));
  }
  return rows;
}

}  // namespace tarsier::infer
