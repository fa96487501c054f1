#include "infer/decisions.hpp"

#include <algorithm>

#include "infer/device_tensor.hpp"

namespace tarsier::infer {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::ValueId;

namespace {

bool is_real_value(const Graph& graph, ValueId id) {
  return id != kNone && graph.constant(id) == nullptr && is_real(graph.value(id).desc.dtype);
}

/// A convolution, a product with weights: what a network learnt, not what it does with the result.
bool has_weights(const Graph& graph, const Node& node) {
  return std::ranges::any_of(node.inputs, [&](ValueId id) {
    const auto* constant = id == kNone ? nullptr : graph.constant(id);
    return constant != nullptr && is_real(constant->dtype()) && constant->shape().size() >= 2;
  });
}

}  // namespace

bool decides(const Graph& graph, const Node& node) {
  const auto is_whole = [&](ValueId id) { return id != kNone && !is_real(graph.value(id).desc.dtype); };
  return std::ranges::any_of(node.inputs, [&](ValueId id) { return is_real_value(graph, id); }) &&
         std::ranges::any_of(node.outputs, is_whole);
}

std::set<std::string> nodes_before_decisions(const Graph& graph) {
  std::set<std::string> names;
  std::vector<bool> wanted(graph.values.size());
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    const bool read =
        std::ranges::any_of(node.outputs, [&](ValueId id) { return id != kNone && wanted[size_t(id)]; });
    if (read) names.insert(node.name);
    if (decides(graph, node) || (read && !has_weights(graph, node))) {
      for (const ValueId id : node.inputs)
        if (is_real_value(graph, id)) wanted[size_t(id)] = true;
    }
  }
  return names;
}

std::vector<ValueId> values_before_decisions(const Graph& graph) {
  std::vector<ValueId> values;
  const auto add = [&](ValueId id) {
    if (is_real_value(graph, id) && std::ranges::find(values, id) == values.end()) values.push_back(id);
  };
  std::vector<bool> decided(graph.values.size());
  for (const Node& node : graph.nodes) {
    const bool follows =
        std::ranges::any_of(node.inputs, [&](ValueId id) { return id != kNone && decided[size_t(id)]; });
    const bool jumps = decides(graph, node);
    if (jumps && !follows) std::ranges::for_each(node.inputs, add);
    for (const ValueId id : node.outputs)
      if (id != kNone) decided[size_t(id)] = jumps || follows;
  }
  for (const ValueId id : graph.outputs)
    if (!decided[size_t(id)]) add(id);
  return values;
}

}  // namespace tarsier::infer
