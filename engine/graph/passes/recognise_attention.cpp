// MatMul(Softmax(scale * MatMul(Q, K)), V) -> ScaledDotProductAttention, whose kernel never writes the matrix
// of scores: for N pixels that is N x N. Transposes of the operands are told to the node instead of being
// run, and where all operands are feature maps that were flattened for the products, the maps are taken as
// they are.
#include <array>
#include <tuple>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// A matrix operand looked at through transposes of its last two axes.
struct Operand {
  ValueId id = kNone;
  bool turned = false;
};

bool swaps_last_two(const std::vector<int64_t>& perm) {
  const size_t rank = perm.size();
  if (rank < 2) return false;
  for (size_t d = 0; d + 2 < rank; ++d)
    if (perm[d] != static_cast<int64_t>(d)) return false;
  return perm[rank - 2] == static_cast<int64_t>(rank) - 1 && perm[rank - 1] == static_cast<int64_t>(rank) - 2;
}

Operand peel(const Graph& graph, ValueId id) {
  Operand operand{id};
  for (const Node* node = producer_of(graph, id, "Transpose");
       node != nullptr && swaps_last_two(node->integers("perm"));
       node = producer_of(graph, operand.id, "Transpose")) {
    operand = {node->inputs[0], !operand.turned};
  }
  return operand;
}

/// The value before products and quotients with one number, and their factor.
std::pair<ValueId, double> unscaled(const Graph& graph, const std::vector<int>& uses, ValueId id) {
  double factor = 1;
  for (const Node* node = producer_of(graph, id);
       node != nullptr && node->post.empty() && uses[size_t(id)] == 1; node = producer_of(graph, id)) {
    if (node->inputs.size() != 2 || (node->op != "Mul" && node->op != "Div")) break;
    const size_t place = node->op == "Mul" && scalar_of(graph, node->inputs[0]) ? 1 : 0;
    const auto scalar = scalar_of(graph, node->inputs[1 - place]);
    if (!scalar || *scalar == 0 || graph.shape(node->inputs[place]) != graph.shape(id)) break;
    factor = node->op == "Mul" ? factor * *scalar : factor / *scalar;
    id = node->inputs[place];
  }
  return {id, factor};
}

/// An operand of the product of scores, looked at through transposes and what scales it: exporters give
/// queries and keys the root of the scale each.
std::pair<Operand, double> unscaled_operand(const Graph& graph, const std::vector<int>& uses, ValueId id) {
  Operand operand = peel(graph, id);
  double factor = 1;
  for (auto [next, by] = unscaled(graph, uses, operand.id); next != operand.id;
       std::tie(next, by) = unscaled(graph, uses, operand.id)) {
    const Operand before = peel(graph, next);
    operand = {before.id, before.turned != operand.turned};
    factor *= by;
  }
  return {operand, factor};
}

/// The [N, C, H, W] value that was flattened to the [N, C, H * W] value `id`.
ValueId feature_map(const Graph& graph, ValueId id) {
  const Node* node = producer_of(graph, id, "Reshape");
  if (node == nullptr) return kNone;
  const Shape &flat = graph.shape(id), &map = graph.shape(node->inputs[0]);
  const bool flattens = flat.size() == 3 && map.size() == 4 && map[0] == flat[0] && map[1] == flat[1];
  return flattens ? node->inputs[0] : kNone;
}

/// Replaces the flattened operands by their feature maps where all of them have one.
void use_feature_maps(const Graph& graph, const Readers& readers, Node& attention) {
  if (attention.integers("channels_first") != std::vector<int64_t>{1, 1, 1, 1}) return;
  const ValueId out = attention.outputs[0];
  if (readers.uses[size_t(out)] != 1 || readers.nodes[size_t(out)].size() != 1) return;
  const Node& reshape = graph.nodes[size_t(readers.nodes[size_t(out)][0])];
  if (reshape.op != "Reshape" || !reshape.post.empty()) return;
  std::array<ValueId, 3> maps{};
  for (size_t i = 0; i < 3; ++i) {
    maps[i] = feature_map(graph, attention.inputs[i]);
    if (maps[i] == kNone) return;
  }
  Shape expected = graph.shape(maps[0]);
  expected[1] = graph.shape(maps[2])[1];
  if (graph.shape(reshape.outputs[0]) != expected) return;
  attention.inputs.assign(maps.begin(), maps.end());
  attention.outputs = reshape.outputs;
  attention.attributes.erase("channels_first");
  attention.attributes["spatial"] = int64_t{1};
}

/// The attention that ends with node `product`; empty where it is none.
std::optional<Node> attention_of(const Graph& graph, const Readers& readers, const Node& product) {
  if (product.op != "MatMul" || !product.post.empty() || product.inputs.size() != 2) return std::nullopt;
  for (const size_t place : {size_t{0}, size_t{1}}) {
    // Softmax * V, or V * the transposed softmax.
    const Operand weights = peel(graph, product.inputs[place]);
    const Node* softmax = producer_of(graph, weights.id, "Softmax");
    if (softmax == nullptr || weights.turned != (place == 1)) continue;
    if (readers.uses[size_t(weights.id)] != 1 || readers.uses[size_t(product.inputs[place])] != 1) continue;
    const auto rank = static_cast<int64_t>(graph.shape(weights.id).size());
    const int64_t axis = softmax->integer("axis", -1);
    if (axis != -1 && axis != rank - 1) continue;
    const auto [scores, scale] = unscaled(graph, readers.uses, softmax->inputs[0]);
    const Node* dots = producer_of(graph, scores, "MatMul");
    if (dots == nullptr || readers.uses[size_t(scores)] != 1) continue;
    const auto [query, query_scale] = unscaled_operand(graph, readers.uses, dots->inputs[0]);
    const auto [key, key_scale] = unscaled_operand(graph, readers.uses, dots->inputs[1]);
    const Operand value = peel(graph, product.inputs[1 - place]);
    Node node;
    node.op = "ScaledDotProductAttention";
    node.name = product.name;
    node.inputs = {query.id, key.id, value.id};
    node.outputs = product.outputs;
    const bool turned_out = place == 1;
    node.attributes["channels_first"] = std::vector<int64_t>{
        query.turned ? 1 : 0, key.turned ? 0 : 1, value.turned != turned_out ? 1 : 0, turned_out ? 1 : 0};
    node.attributes["scale"] = static_cast<float>(scale * query_scale * key_scale);
    use_feature_maps(graph, readers, node);
    return node;
  }
  return std::nullopt;
}

}  // namespace

Status recognise_attention(Graph& graph, const OpRegistry& ops) {
  const OpDef* attention = ops.find("ScaledDotProductAttention");
  if (attention == nullptr) return {};
  const Readers readers = find_readers(graph);
  std::vector<bool> keep(graph.nodes.size(), true);
  for (size_t i = 0; i < keep.size(); ++i) {
    auto node = attention_of(graph, readers, graph.nodes[i]);
    if (!node) continue;
    // Heads that are too large, operands that broadcast: the products stay.
    const auto shapes = attention->infer(graph, *node);
    if (!shapes.ok() || shapes->at(0) != graph.value(node->outputs[0]).desc) continue;
    if (attention->check && !attention->check(graph, *node).ok()) continue;
    if (node->outputs[0] != graph.nodes[i].outputs[0]) {
      keep[size_t(readers.nodes[size_t(graph.nodes[i].outputs[0])][0])] = false;
    }
    keep[i] = false;
    graph.add_node(std::move(*node));
  }
  return replace_nodes(graph, std::move(keep));
}

}  // namespace tarsier::graph
