// LayerNormalization as exporters write it below opset 17:
//   m = ReduceMean(x); d = x - m; v = ReduceMean(d^2); y = d / sqrt(v + epsilon) * scale + bias
// over the last axes. Scale and bias may be missing; d may be computed twice.
#include <algorithm>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// The first axis of a mean over the last axes that keeps them; -1 where `node` is none.
int64_t trailing_axis(const Graph& graph, const Node* node) {
  if (node == nullptr || node->integer("keepdims", 1) == 0) return -1;
  auto axes = ints_of(graph, input_of(*node, 1));
  const auto rank = int64_t(graph.shape(node->inputs[0]).size());
  if (!axes || axes->empty()) return -1;
  for (int64_t& axis : *axes) axis = axis < 0 ? axis + rank : axis;
  std::ranges::sort(*axes);
  for (size_t i = 0; i < axes->size(); ++i) {
    if ((*axes)[i] != rank - int64_t(axes->size()) + int64_t(i)) return -1;
  }
  return axes->front();
}

/// x where `id` is x minus its mean; the axis of the mean in `axis`.
ValueId centred(const Graph& graph, ValueId id, int64_t& axis) {
  const Node* sub = producer_of(graph, id, "Sub");
  if (sub == nullptr) return kNone;
  const Node* mean = producer_of(graph, sub->inputs[1], "ReduceMean");
  axis = trailing_axis(graph, mean);
  return axis >= 0 && mean->inputs[0] == sub->inputs[0] ? sub->inputs[0] : kNone;
}

/// What is squared; kNone where `id` is no square.
ValueId squared(const Graph& graph, ValueId id) {
  if (const Node* pow = producer_of(graph, id, "Pow")) {
    return scalar_of(graph, pow->inputs[1]) == 2.0F ? pow->inputs[0] : kNone;
  }
  const Node* mul = producer_of(graph, id, "Mul");
  return mul != nullptr && mul->inputs[0] == mul->inputs[1] ? mul->inputs[0] : kNone;
}

struct Match {
  ValueId x = kNone;
  int64_t axis = 0;
  float epsilon = 0;
};

std::optional<Match> match(const Graph& graph, const Node& div) {
  if (div.op != "Div" || !div.post.empty()) return std::nullopt;
  Match found;
  found.x = centred(graph, div.inputs[0], found.axis);
  const Node* root = producer_of(graph, div.inputs[1], "Sqrt");
  if (found.x == kNone || root == nullptr) return std::nullopt;
  const Node* add = producer_of(graph, root->inputs[0], "Add");
  if (add == nullptr) return std::nullopt;
  for (size_t place = 0; place < 2; ++place) {
    const Node* mean = producer_of(graph, add->inputs[place], "ReduceMean");
    const auto epsilon = scalar_of(graph, add->inputs[1 - place]);
    if (!epsilon || trailing_axis(graph, mean) != found.axis) continue;
    const ValueId apart = squared(graph, mean->inputs[0]);
    int64_t axis = -1;
    if (apart != div.inputs[0] && (centred(graph, apart, axis) != found.x || axis != found.axis)) continue;
    found.epsilon = *epsilon;
    return found;
  }
  return std::nullopt;
}

/// The only reader of `id` where it is `op` with a constant of the shape `row`; that constant in `operand`.
Node* reader_with_row(Graph& graph, const Readers& readers, ValueId id, std::string_view op, const Shape& row,
                      ValueId& operand) {
  const auto& nodes = readers.nodes[size_t(id)];
  if (readers.uses[size_t(id)] != 1 || nodes.size() != 1) return nullptr;
  Node& node = graph.nodes[size_t(nodes[0])];
  if (node.op != op || !node.post.empty() || node.inputs.size() != 2) return nullptr;
  operand = node.inputs[node.inputs[0] == id ? 1 : 0];
  const Tensor* constant = graph.constant(operand);
  if (constant == nullptr) return nullptr;
  Shape shape = constant->shape();
  while (shape.size() > row.size() && shape.front() == 1) shape.erase(shape.begin());
  return shape == row ? &node : nullptr;
}

}  // namespace

Status recognise_layer_norm(Graph& graph) {
  const Readers readers = find_readers(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto found = match(graph, graph.nodes[i]);
    if (!found || graph.value(found->x).desc.dtype != DType::kF32) continue;
    const Shape& shape = graph.shape(found->x);
    const Shape row(shape.begin() + found->axis, shape.end());
    if (graph.shape(graph.nodes[i].outputs[0]) != shape) continue;
    ValueId scale = kNone, bias = kNone;
    Node* last = &graph.nodes[i];
    if (Node* mul = reader_with_row(graph, readers, last->outputs[0], "Mul", row, scale)) {
      last = mul;
    } else {
      scale = graph.add_constant(last->name + "/ones",
                                 Tensor::f32(row, std::vector<float>(size_t(element_count(row)), 1.0F)));
    }
    if (Node* add = reader_with_row(graph, readers, last->outputs[0], "Add", row, bias)) {
      last = add;
    } else {
      bias = kNone;
    }
    last->op = "LayerNormalization";
    last->inputs = {found->x, scale};
    if (bias != kNone) last->inputs.push_back(bias);
    last->attributes.clear();
    last->attributes["axis"] = found->axis;
    last->attributes["epsilon"] = found->epsilon;
  }
  remove_dead_nodes(graph);
  return {};
}

}  // namespace tarsier::graph
