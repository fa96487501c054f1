// Static shapes and types for every value, in one walk in execution order.
//
// Small values that are computed from constants (what exporters write as Shape -> Gather -> Concat ->
// Reshape) are evaluated on the way: the shape rules behind them read these constants. What is big is left to
// fold_constants.
#include <algorithm>
#include <limits>
#include <map>

#include "core/text.hpp"
#include "graph/passes/edit.hpp"
#include "graph/passes/evaluate.hpp"
#include "graph/passes/explicit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

constexpr int64_t kSmallElements = 4096;

Status set_input_shapes(Graph& graph, const std::map<std::string, Shape>& input_shapes) {
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs) names.push_back(graph.value(id).name);
  for (const auto& [name, shape] : input_shapes)
    if (std::ranges::find(names, name) == names.end())
      return input_error("network {} has no input '{}'{}; its inputs are {}", graph.name, name,
                         did_you_mean(name, names), join(names, ", "));
  for (const ValueId id : graph.inputs) {
    Value& value = graph.value(id);
    Shape& shape = value.desc.shape;
    if (const auto given = input_shapes.find(value.name); given != input_shapes.end()) {
      const Shape& wanted = given->second;
      bool fits = wanted.size() == shape.size() && is_static(wanted);
      for (size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] < 0 || shape[i] == wanted[i];
      if (!fits)
        return input_error("network {}: input '{}' is {}, which {} does not fit", graph.name, value.name,
                           to_string(shape), to_string(wanted));
      shape = wanted;
    }
    // A batch of unknown size is one frame; any other open extent is the caller's to choose.
    if (!shape.empty() && shape[0] < 0) shape[0] = 1;
    if (!is_static(shape))
      return input_error("network {}: input '{}' has open extents {}; say which size to compile for",
                         graph.name, value.name, to_string(shape));
  }
  return {};
}

/// Whether the element count is one that the device can index (and that a damaged file did not make up).
bool is_addressable(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent > 0 && count > std::numeric_limits<int32_t>::max() / extent) return false;
    count *= extent;
  }
  return true;
}

/// Nodes that can't be run, grouped by operator and reason so that 60 equal refusals make one entry.
class Refusals {
 public:
  void add(const Node& node, std::string_view reason) {
    std::string key = reason.empty() ? node.op : fmt::format("{} ({})", node.op, reason);
    const auto found = std::ranges::find(groups_, key, &Group::first);
    std::string name = node.name.empty() ? std::string("unnamed") : node.name;
    if (found != groups_.end())
      found->second.push_back(std::move(name));
    else
      groups_.push_back({std::move(key), {name}});
    ++count_;
  }
  [[nodiscard]] bool empty() const { return groups_.empty(); }
  [[nodiscard]] Error error(const Graph& graph) const {
    std::vector<std::string> parts;
    for (const auto& [key, names] : groups_) parts.push_back(fmt::format("{} at {}", key, join(names, ", ")));
    return input_error("network {}: {} {} not supported: {}", graph.name, count_,
                       count_ == 1 ? "node is" : "nodes are", join(parts, "; "));
  }

 private:
  using Group = std::pair<std::string, std::vector<std::string>>;
  std::vector<Group> groups_;
  int count_ = 0;
};

}  // namespace

Status infer_shapes(Graph& graph, const OpRegistry& ops, const std::map<std::string, Shape>& input_shapes) {
  TARSIER_CHECK(set_input_shapes(graph, input_shapes));
  std::vector<bool> known(graph.values.size(), false);
  for (const ValueId id : graph.inputs) known[static_cast<size_t>(id)] = true;
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (graph.values[i].constant) known[i] = true;

  Refusals refusals;
  std::vector<bool> keep(graph.nodes.size(), true);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const OpDef* op = ops.find(node.op);
    if (op == nullptr) {
      refusals.add(node, "");
      continue;
    }
    // Behind a refused node nothing is known; only its operators can still be looked up.
    if (!std::ranges::all_of(node.inputs,
                             [&](ValueId id) { return id == kNone || known[static_cast<size_t>(id)]; }))
      continue;
    // May add constants, which are known, and rename the operator.
    if (const Status status = make_explicit(graph, graph.nodes[i]); !status.ok()) {
      refusals.add(node, status.error().message);
      continue;
    }
    known.resize(graph.values.size(), true);
    op = ops.find(node.op);
    if (op == nullptr) {
      refusals.add(node, "");
      continue;
    }
    if (op->check) {
      if (const Status status = op->check(graph, node); !status.ok()) {
        refusals.add(node, status.error().message);
        continue;
      }
    }
    auto inferred = op->infer(graph, node);
    if (!inferred.ok()) {
      refusals.add(node, inferred.error().message);
      continue;
    }
    if (inferred->size() < node.outputs.size()) {
      refusals.add(node, fmt::format("{} outputs, {} are computed", node.outputs.size(), inferred->size()));
      continue;
    }
    bool small = true;
    for (size_t output = 0; output < node.outputs.size(); ++output) {
      const ValueId id = node.outputs[output];
      if (id == kNone) continue;
      TensorDesc& desc = (*inferred)[output];
      if (!is_static(desc.shape)) {
        refusals.add(node, fmt::format("output shape {} depends on data", to_string(desc.shape)));
        small = false;
        break;
      }
      if (!is_addressable(desc.shape)) {
        refusals.add(node, fmt::format("output {} is too large", to_string(desc.shape)));
        small = false;
        break;
      }
      small = small && element_count(desc.shape) <= kSmallElements;
      graph.value(id).desc = std::move(desc);
      known[static_cast<size_t>(id)] = true;
    }
    if (small && is_foldable(graph, node, *op)) {
      if (const Status status = fold_node(graph, node, *op); !status.ok()) {
        refusals.add(node, status.error().message);
        continue;
      }
      keep[i] = false;
    }
  }
  if (!refusals.empty()) return refusals.error(graph);
  graph.retain_nodes(keep);
  return {};
}

}  // namespace tarsier::graph
