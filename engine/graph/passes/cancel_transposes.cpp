// Transposes are pushed down through nodes that don't care about the order of axes, until they meet their
// inverse (and eliminate_noops removes both) or a node that does care.
#include <algorithm>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

using Perm = std::vector<int64_t>;

Perm inverse(const Perm& perm) {
  Perm out(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) out[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return out;
}

bool is_elementwise(const Node& node) {
  static constexpr std::string_view kOps[] = {"Relu",     "Clip",        "LeakyRelu",  "Sigmoid",
                                              "Silu",     "HardSigmoid", "HardSwish",  "Tanh",
                                              "Gelu",     "Mish",        "Elu",        "Selu",
                                              "Softplus", "Softsign",    "Exp",        "Log",
                                              "Sqrt",     "Neg",         "Abs",        "Floor",
                                              "Ceil",     "Round",       "Reciprocal", "Erf",
                                              "Sign",     "Sin",         "Cos",        "Not",
                                              "Cast",     "Identity",    "Add",        "Sub",
                                              "Mul",      "Div",         "FloorDiv",   "Mod",
                                              "Max",      "Min",         "Pow",        "Equal",
                                              "Less",     "LessOrEqual", "Greater",    "GreaterOrEqual",
                                              "And",      "Or",          "Where",      "PRelu"};
  return std::ranges::find(kOps, node.op) != std::end(kOps);
}

/// Inputs that carry limits or axes, not data along the axes.
size_t data_inputs(const Node& node) {
  return node.op == "Clip" || node.op == "Pad" || node.op.starts_with("Reduce") ? 1 : node.inputs.size();
}

/// Re-numbers what the node says about axes for inputs before the transpose. False where it can't be.
bool renumber_axes(Graph& graph, Node& node, const Perm& perm) {
  const auto rank = static_cast<int64_t>(perm.size());
  const auto renumbered = [&](int64_t axis) {
    return perm[static_cast<size_t>(axis < 0 ? axis + rank : axis)];
  };
  if (is_elementwise(node)) return true;
  if (node.op == "Concat" || node.op == "Softmax" || node.op == "LogSoftmax") {
    node.attributes["axis"] = renumbered(node.integer("axis", -1));
    return true;
  }
  if (node.op.starts_with("Reduce") && node.integer("keepdims", 1) != 0) {
    auto axes = ints_of(graph, input_of(node, 1));
    if (!axes) return false;
    for (int64_t& axis : *axes) axis = renumbered(axis);
    std::ranges::sort(*axes);
    node.inputs[1] =
        graph.add_constant(node.name + "/axes", Tensor::i64({static_cast<int64_t>(axes->size())}, *axes));
    return true;
  }
  if (node.op == "Pad" && input_of(node, 3) == kNone) {
    const auto pads = ints_of(graph, input_of(node, 1));
    if (!pads || pads->size() != perm.size() * 2) return false;
    std::vector<int64_t> moved(pads->size());
    for (size_t i = 0; i < perm.size(); ++i) {
      moved[static_cast<size_t>(perm[i])] = (*pads)[i];
      moved[static_cast<size_t>(perm[i]) + perm.size()] = (*pads)[i + perm.size()];
    }
    node.inputs[1] =
        graph.add_constant(node.name + "/pads", Tensor::i64({static_cast<int64_t>(moved.size())}, moved));
    return true;
  }
  return false;
}

bool may_pass(const Node& node) {
  return node.post.empty() && node.outputs.size() == 1 &&
         (is_elementwise(node) || node.op == "Concat" || node.op == "Softmax" || node.op == "LogSoftmax" ||
          node.op.starts_with("Reduce") || node.op == "Pad");
}

/// The transpose that all computed data inputs of the node come through, each read by this node alone. Empty
/// where there is none.
std::optional<Perm> common_transpose(const Graph& graph, const Node& node, const std::vector<int>& uses) {
  std::optional<Perm> common;
  size_t rank = 0;
  for (size_t i = 0; i < data_inputs(node); ++i) {
    const ValueId id = node.inputs[i];
    if (id == kNone) return std::nullopt;
    if (graph.constant(id) != nullptr) continue;
    const Node* transpose = producer_of(graph, id, "Transpose");
    if (transpose == nullptr || uses[static_cast<size_t>(id)] != 1) return std::nullopt;
    const Perm perm = transpose->integers("perm");
    if (common && *common != perm) return std::nullopt;
    common = perm;
    rank = perm.size();
  }
  if (!common || graph.shape(node.outputs[0]).size() != rank) return std::nullopt;
  for (size_t i = 0; i < data_inputs(node); ++i)
    if (const Tensor* tensor = graph.constant(node.inputs[i]);
        tensor != nullptr && tensor->shape().size() > rank)
      return std::nullopt;
  return common;
}

}  // namespace

Status cancel_transposes(Graph& graph) {
  TARSIER_CHECK(eliminate_noops(graph));
  for (bool changed = true; changed;) {
    changed = false;
    const std::vector<int> uses = graph.use_counts();
    const size_t count = graph.nodes.size();
    for (size_t i = 0; i < count; ++i) {
      if (!may_pass(graph.nodes[i])) continue;
      const auto perm = common_transpose(graph, graph.nodes[i], uses);
      if (!perm || !renumber_axes(graph, graph.nodes[i], *perm)) continue;
      const Perm back = inverse(*perm);
      Node& node = graph.nodes[i];
      for (size_t place = 0; place < data_inputs(node); ++place) {
        const ValueId id = node.inputs[place];
        const Tensor* tensor = graph.constant(id);
        if (tensor == nullptr) {
          node.inputs[place] = producer_of(graph, id)->inputs[0];
        } else if (tensor->size() != 1) {
          Shape shape = tensor->shape();
          while (shape.size() < perm->size()) shape.insert(shape.begin(), 1);
          Tensor moved = transposed(tensor->reshaped(shape), back);
          node.inputs[place] = graph.add_constant(graph.value(id).name + "/transposed", std::move(moved));
        }
      }
      const ValueId result = node.outputs[0];
      TensorDesc inner = graph.value(result).desc;
      inner.shape = permuted(inner.shape, back);
      Node transpose;
      transpose.op = "Transpose";
      transpose.name = node.name + "/transpose";
      transpose.attributes["perm"] = *perm;
      transpose.inputs = {graph.add_value(graph.value(result).name + "/before", std::move(inner))};
      transpose.outputs = {result};
      graph.nodes[i].outputs[0] = transpose.inputs[0];
      graph.nodes.push_back(std::move(transpose));
      changed = true;
      break;  // use counts and producers are stale
    }
    if (changed) {
      TARSIER_CHECK(sort_nodes(graph));
      TARSIER_CHECK(eliminate_noops(graph));
    }
  }
  return {};
}

}  // namespace tarsier::graph
