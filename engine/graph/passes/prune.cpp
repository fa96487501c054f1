// Keeps what the outputs need, and drops dead nodes and the values (weights above all) that nothing reads.
#include <unordered_map>

#include "core/text.hpp"
#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// Renumbers values so that only those which a node, an input or an output names remain.
void compact_values(Graph& graph) {
  std::vector<ValueId> renamed(graph.values.size(), kNone);
  std::deque<Value> kept;
  const auto keep = [&](ValueId& id) {
    if (id == kNone) return;
    ValueId& target = renamed[static_cast<size_t>(id)];
    if (target == kNone) {
      target = static_cast<ValueId>(kept.size());
      kept.push_back(std::move(graph.value(id)));
    }
    id = target;
  };
  for (ValueId& id : graph.inputs) keep(id);
  for (Node& node : graph.nodes) {
    for (ValueId& id : node.inputs) keep(id);
    for (PostOp& post : node.post) keep(post.operand);
    for (ValueId& id : node.outputs) keep(id);
  }
  for (ValueId& id : graph.outputs) keep(id);
  graph.values = std::move(kept);
}

}  // namespace

Status prune(Graph& graph, const std::vector<std::string>& outputs) {
  if (!outputs.empty()) {
    std::vector<ValueId> chosen;
    for (const std::string& name : outputs) {
      const ValueId id = graph.find_value(name);
      if (id == kNone) {
        std::vector<std::string> known;
        for (const ValueId output : graph.outputs) known.push_back(graph.value(output).name);
        return input_error("network {} has no output '{}'{}; its outputs are {}", graph.name, name,
                           did_you_mean(name, known), join(known, ", "));
      }
      chosen.push_back(id);
    }
    graph.outputs = std::move(chosen);
  }
  remove_dead_nodes(graph);
  compact_values(graph);
  return {};
}

}  // namespace tarsier::graph
