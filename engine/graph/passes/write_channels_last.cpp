// Detection heads end with Transpose(Concat(Reshape(x), ...)): the feature maps of all scales, flattened,
// side by side, turned to one row a box. Turned before they are joined, each map is converted from groups of
// channels to rows once and written where its rows belong.
#include <algorithm>
#include <array>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// Something whose output lies in groups of channels.
bool comes_in_groups(const Graph& graph, ValueId id) {
  const Node* node = producer_of(graph, id);
  if (node != nullptr && node->op == "Concat") {
    const int64_t axis = node->integer("axis", 1);
    return (axis == 1 || axis == -3) &&
           std::ranges::all_of(node->inputs, [&](ValueId part) { return comes_in_groups(graph, part); });
  }
  while (node != nullptr && (node->op == "Sigmoid" || node->op == "Relu" || node->op == "Silu"))
    node = producer_of(graph, node->inputs[0]);
  return node != nullptr && node->op == "Conv" && graph.shape(node->outputs[0]).size() == 4;
}

/// The [N,C,H,W] map that was flattened to `id` [N,C,H*W] for this reader alone; kNone where there is none.
ValueId flattened_map(const Graph& graph, const std::vector<int>& uses, ValueId id) {
  const Node* node = producer_of(graph, id, "Reshape");
  if (node == nullptr || uses[size_t(id)] != 1) return kNone;
  const Shape &map = graph.shape(node->inputs[0]), &flat = graph.shape(id);
  const bool flattens = map.size() == 4 && flat.size() == 3 && map[0] == flat[0] && map[1] == flat[1];
  return flattens && uses[size_t(node->inputs[0])] == 1 && comes_in_groups(graph, node->inputs[0])
             ? node->inputs[0]
             : kNone;
}

}  // namespace

Status write_channels_last(Graph& graph) {
  const std::vector<int> uses = graph.use_counts();
  const size_t count = graph.nodes.size();
  for (size_t i = 0; i < count; ++i) {
    const Node turn = graph.nodes[i];
    if (turn.op != "Transpose" || !turn.post.empty() ||
        turn.integers("perm") != std::vector<int64_t>{0, 2, 1})
      continue;
    const ValueId joined = turn.inputs[0];
    const Node* concat = producer_of(graph, joined, "Concat");
    if (concat == nullptr || uses[size_t(joined)] != 1 || graph.value(joined).desc.dtype != DType::kF32)
      continue;
    const int64_t axis = concat->integer("axis", 1);
    if (axis != 2 && axis != -1) continue;
    std::vector<ValueId> maps;
    for (const ValueId part : concat->inputs) maps.push_back(flattened_map(graph, uses, part));
    if (std::ranges::find(maps, kNone) != maps.end()) continue;
    Node join;
    join.op = "Concat";
    join.name = concat->name;
    join.attributes["axis"] = int64_t{1};
    join.outputs = turn.outputs;
    for (const ValueId map : maps) {
      const Shape shape = graph.shape(map);
      const std::string name = graph.value(map).name;
      const ValueId rows =
          graph.add_value(name + "/rows", {DType::kF32, {shape[0], shape[2], shape[3], shape[1]}});
      const ValueId flat =
          graph.add_value(name + "/flat_rows", {DType::kF32, {shape[0], shape[2] * shape[3], shape[1]}});
      Node convert;
      convert.op = "ToLinear";
      convert.name = name + "/rows";
      convert.inputs = {map};
      convert.outputs = {rows};
      convert.attributes["channels_last"] = int64_t{1};
      graph.add_node(std::move(convert));
      Node flatten;
      flatten.op = "Reshape";
      flatten.name = name + "/flat_rows";
      flatten.inputs = {rows, graph.add_constant(name + "/flat_shape", Tensor::i64({3}, graph.shape(flat)))};
      flatten.outputs = {flat};
      graph.add_node(std::move(flatten));
      join.inputs.push_back(flat);
    }
    graph.nodes[i] = std::move(join);
  }
  if (graph.nodes.size() == count) return {};
  TARSIER_CHECK(sort_nodes(graph));
  remove_dead_nodes(graph);
  return {};
}

}  // namespace tarsier::graph
