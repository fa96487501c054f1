#include "infer/assign_storage.hpp"

#include <algorithm>

#include "infer/decisions.hpp"
#include "infer/device_tensor.hpp"

namespace tarsier::infer {

using graph::DType;
using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::ValueId;

void assign_storage(Graph& graph, Precision precision, std::set<std::string> full_precision) {
  const bool halves = precision == Precision::kFp16;
  if (halves) full_precision.merge(nodes_before_decisions(graph));
  const auto in_full = [](const graph::Value& value) {
    return is_real(value.desc.dtype) ? DType::kF32 : DType::kI32;
  };
  // No node computes these; an output may be a constant.
  for (const auto* ends : {&graph.inputs, &graph.outputs})
    for (const ValueId id : *ends) graph.value(id).storage = in_full(graph.value(id));
  std::vector<bool> is_boundary(graph.values.size()), is_kept(graph.values.size());
  for (const ValueId id : graph.outputs) is_boundary[size_t(id)] = true;
  for (Node& node : graph.nodes) {
    const bool is_conversion = node.op == "ToC4" || node.op == "ToLinear";
    const bool keep = full_precision.contains(node.name) || node.integer("full_precision", 0) != 0 ||
                      (is_conversion && is_kept[size_t(node.inputs[0])]);
    node.half_products = halves && !keep;
    for (const ValueId id : node.outputs) {
      if (id == kNone) continue;
      auto& value = graph.value(id);
      const bool half = halves && !keep && !is_boundary[size_t(id)] && is_real(value.desc.dtype) &&
                        value.layout == graph::Layout::kC4;
      value.storage = half ? DType::kF16 : in_full(value);
      is_kept[size_t(id)] = keep;
    }
  }
}

}  // namespace tarsier::infer
