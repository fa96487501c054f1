#include "infer/isolated_node.hpp"

#include <map>

namespace tarsier::infer {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::ValueId;

Graph isolated(const Graph& from, const Node& node) {
  Graph graph;
  graph.name = node.name;
  graph.opset = from.opset;
  std::map<ValueId, ValueId> copies;
  const auto copy = [&](ValueId id, std::vector<ValueId>& ends) {
    if (id == kNone) return kNone;
    const auto [entry, fresh] = copies.try_emplace(id, ValueId(graph.values.size()));
    if (!fresh) return entry->second;
    graph.values.push_back(from.value(id));
    graph.values.back().producer = kNone;
    if (!graph.values.back().constant) ends.push_back(entry->second);
    return entry->second;
  };
  Node own = node;
  for (ValueId& id : own.inputs) id = copy(id, graph.inputs);
  for (auto& post : own.post) post.operand = copy(post.operand, graph.inputs);
  for (ValueId& id : own.outputs) id = copy(id, graph.outputs);
  graph.add_node(std::move(own));
  return graph;
}

}  // namespace tarsier::infer
