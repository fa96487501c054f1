// Activations that exporters write as several nodes, and slopes and limits that they write at full size.
//
// Products are matched as a set of factors and one constant, so that every order and association of
// x * clamp(x + 3, 0, 6) / 6 is the same pattern.
#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

bool near(double a, double b) {
  return std::abs(a - b) <= 1e-5 * std::max(1.0, std::abs(b));
}

// -------------------------------------------------------------------------------------------------------
// limits

/// clamp(x, low, high) of Relu, Clip, and Min or Max with a constant.
struct Clamp {
  ValueId x = kNone;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

std::optional<Clamp> clamp_of(const Graph& graph, const Node& node) {
  if (!node.post.empty() || node.inputs.empty()) return std::nullopt;
  Clamp clamp{node.inputs[0]};
  if (node.op == "Relu") {
    clamp.low = 0;
    return clamp;
  }
  if (node.op == "Clip") {
    for (size_t i = 1; i < 3; ++i) {
      if (input_of(node, i) == kNone) continue;
      const auto limit = scalar_of(graph, node.inputs[i]);
      if (!limit) return std::nullopt;
      (i == 1 ? clamp.low : clamp.high) = *limit;
    }
    return clamp;
  }
  if ((node.op == "Max" || node.op == "Min") && node.inputs.size() == 2) {
    for (size_t place = 0; place < 2; ++place) {
      const auto limit = scalar_of(graph, node.inputs[1 - place]);
      if (!limit || graph.constant(node.inputs[place]) != nullptr ||
          graph.shape(node.inputs[place]) != graph.shape(node.outputs[0]))
        continue;
      clamp.x = node.inputs[place];
      (node.op == "Max" ? clamp.low : clamp.high) = *limit;
      return clamp;
    }
  }
  return std::nullopt;
}

std::optional<Clamp> clamp_of(const Graph& graph, ValueId id) {
  const Node* node = producer_of(graph, id);
  return node == nullptr ? std::nullopt : clamp_of(graph, *node);
}

void write_clamp(Graph& graph, Node& node, const Clamp& clamp) {
  const auto limit = [&](std::string_view name, float value) {
    if (std::isinf(value)) return kNone;
    return graph.add_constant(fmt::format("{}/{}", node.name, name), Tensor::f32({}, std::span(&value, 1)));
  };
  node.attributes.clear();
  if (clamp.low == 0 && std::isinf(clamp.high)) {
    node.op = "Relu";
    node.inputs = {clamp.x};
    return;
  }
  node.op = "Clip";
  node.inputs = {clamp.x, limit("min", clamp.low), limit("max", clamp.high)};
}

/// A clamp of a clamp is one, as long as the outer interval meets the inner.
bool merge_clamps(Graph& graph, Node& node) {
  const auto outer = clamp_of(graph, node);
  if (!outer || graph.value(outer->x).desc.dtype != DType::kF32) return false;
  const auto inner = clamp_of(graph, outer->x);
  if (inner && outer->low <= inner->high && outer->high >= inner->low &&
      graph.shape(inner->x) == graph.shape(outer->x)) {
    write_clamp(graph, node,
                {inner->x, std::max(inner->low, outer->low), std::min(inner->high, outer->high)});
    return true;
  }
  if (node.op == "Max" || node.op == "Min" ||
      (node.op == "Clip" && outer->low == 0 && std::isinf(outer->high))) {
    write_clamp(graph, node, *outer);
    return true;
  }
  return false;
}

// -----------------------------------------------------------------------------------------------------
// products

struct Product {
  double constant = 1;
  std::vector<ValueId> factors;
};

/// Adds the factors of `id`; products inside are opened where nobody else reads them.
void collect(const Graph& graph, const std::vector<int>& uses, ValueId id, bool root, Product& product) {
  const Node* node = producer_of(graph, id);
  const bool open = node != nullptr && node->post.empty() && (root || uses[static_cast<size_t>(id)] == 1);
  if (open && node->op == "Mul" && node->inputs.size() == 2) {
    for (size_t place = 0; place < 2; ++place) {
      if (const auto scalar = scalar_of(graph, node->inputs[place]))
        product.constant *= *scalar;
      else
        collect(graph, uses, node->inputs[place], false, product);
    }
    return;
  }
  if (open && node->op == "Div" && node->inputs.size() == 2) {
    if (const auto scalar = scalar_of(graph, node->inputs[1]); scalar && *scalar != 0) {
      product.constant /= *scalar;
      collect(graph, uses, node->inputs[0], false, product);
      return;
    }
  }
  product.factors.push_back(id);
}

/// x + constant; the constant is 0 where `id` is no such sum.
std::pair<ValueId, double> sum_of(const Graph& graph, ValueId id) {
  const Node* node = producer_of(graph, id);
  if (node != nullptr && node->post.empty() && node->op == "Add" && node->inputs.size() == 2)
    for (size_t place = 0; place < 2; ++place)
      if (const auto scalar = scalar_of(graph, node->inputs[1 - place]))
        return {node->inputs[place], *scalar};
  return {id, 0.0};
}

/// clamp(x + offset, 0, top)
struct Ramp {
  ValueId x;
  double offset, top;
};

std::optional<Ramp> ramp_of(const Graph& graph, ValueId id) {
  const auto clamp = clamp_of(graph, id);
  if (!clamp || clamp->low != 0 || std::isinf(clamp->high) || clamp->high <= 0) return std::nullopt;
  const auto [x, offset] = sum_of(graph, clamp->x);
  return Ramp{x, offset, clamp->high};
}

bool is_gelu_gate(const Graph& graph, const std::vector<int>& uses, ValueId gate, ValueId x) {
  const auto [erf, one] = sum_of(graph, gate);
  const Node* node = producer_of(graph, erf, "Erf");
  if (node == nullptr || one != 1.0) return false;
  Product inside;
  collect(graph, uses, node->inputs[0], true, inside);
  return inside.factors == std::vector<ValueId>{x} && near(inside.constant, std::sqrt(0.5));
}

bool reads(const Node* node, ValueId x) {
  return node != nullptr && !node->inputs.empty() && node->inputs[0] == x;
}

/// Weights kept as half floats make 1/6 of a hard swish 0.16663: the activation is recognised all the same,
/// and what it is too large or small by stays as a factor, so that the result is the model's own.
bool nearly(double a, double b) {
  return std::abs(a - b) <= 0.01 * std::abs(b);
}

struct Activation {
  std::string_view op;
  double factor = 1;  // left over
};

/// What `gate` times `x` times `constant` is; an empty op where it is no activation of `x`.
Activation gated_activation(const Graph& graph, const std::vector<int>& uses, ValueId x, ValueId gate,
                            double constant) {
  if (near(constant, 1) && reads(producer_of(graph, gate, "Sigmoid"), x)) return {"Silu"};
  if (const auto ramp = ramp_of(graph, gate);
      ramp && ramp->x == x && near(ramp->offset, 3) && near(ramp->top, 6) && nearly(constant, 1.0 / 6))
    return {"HardSwish", constant * 6};
  if (const Node* hard = producer_of(graph, gate, "HardSigmoid"); reads(hard, x) && nearly(constant, 1) &&
                                                                  near(hard->real("alpha", 0.2F), 1.0 / 6) &&
                                                                  near(hard->real("beta", 0.5F), 0.5))
    return {"HardSwish", constant};
  if (const Node* tanh = producer_of(graph, gate, "Tanh");
      tanh != nullptr && near(constant, 1) && reads(producer_of(graph, tanh->inputs[0], "Softplus"), x))
    return {"Mish"};
  if (near(constant, 0.5) && is_gelu_gate(graph, uses, gate, x)) return {"Gelu"};
  return {};
}

void become(Node& node, std::string_view op, ValueId x) {
  node.op = op;
  node.inputs = {x};
  node.attributes.clear();
}

/// Node `index` becomes the activation, or the activation times `factor`: then the activation is a new node
/// at the end of the list.
void write_activation(Graph& graph, size_t index, Node activation, double factor) {
  Node& node = graph.nodes[index];
  activation.name = node.name;
  activation.outputs = node.outputs;
  if (std::abs(factor - 1) <= 1e-6) {
    node = std::move(activation);
    return;
  }
  const auto scale = static_cast<float>(factor);
  const TensorDesc desc = graph.value(node.outputs[0]).desc;
  const ValueId unscaled = graph.add_value(node.name + "/activation", desc);
  const ValueId constant = graph.add_constant(node.name + "/factor", Tensor::f32({}, std::span(&scale, 1)));
  node.op = "Mul";
  node.inputs = {unscaled, constant};
  node.attributes.clear();
  activation.name += "/activation";
  activation.outputs = {unscaled};
  graph.add_node(std::move(activation));
}

bool recognise_product(Graph& graph, const std::vector<int>& uses, size_t index) {
  const Node& node = graph.nodes[index];
  if ((node.op != "Mul" && node.op != "Div") || !node.post.empty() || node.outputs.size() != 1) return false;
  Product product;
  collect(graph, uses, node.outputs[0], true, product);
  const Shape& shape = graph.shape(node.outputs[0]);
  for (const ValueId id : product.factors)
    if (graph.shape(id) != shape) return false;  // a broadcast, not an activation
  Node activation;
  if (product.factors.size() == 1) {
    const auto ramp = ramp_of(graph, product.factors[0]);
    if (!ramp || !nearly(product.constant * ramp->top, 1)) return false;
    become(activation, "HardSigmoid", ramp->x);
    activation.attributes["alpha"] = static_cast<float>(1 / ramp->top);
    activation.attributes["beta"] = static_cast<float>(ramp->offset / ramp->top);
    write_activation(graph, index, std::move(activation), product.constant * ramp->top);
    return true;
  }
  if (product.factors.size() != 2) return false;
  for (size_t place = 0; place < 2; ++place) {
    const ValueId x = product.factors[place];
    const auto [op, factor] = gated_activation(graph, uses, x, product.factors[1 - place], product.constant);
    if (op.empty()) continue;
    become(activation, op, x);
    write_activation(graph, index, std::move(activation), factor);
    return true;
  }
  return false;
}

// --------------------------------------------------------------------------------------------------------
// slopes

/// A PReLU slope that is one number a channel, stored at full size, shrinks to [C,1,1]; one number at all
/// makes the node LeakyRelu.
bool shrink_slope(Graph& graph, Node& node) {
  if (node.op != "PRelu" || node.inputs.size() != 2) return false;
  const Tensor* slope = graph.constant(node.inputs[1]);
  const Shape& x = graph.shape(node.inputs[0]);
  if (slope == nullptr || slope->dtype() != DType::kF32 || slope->size() == 0) return false;
  const std::vector<float> values = slope->to_floats();
  if (std::ranges::all_of(values, [&](float v) { return v == values[0]; })) {
    become(node, "LeakyRelu", node.inputs[0]);
    node.attributes["alpha"] = values[0];
    return true;
  }
  if (x.size() != 4) return false;
  Shape shape = slope->shape();
  while (shape.size() < 4) shape.insert(shape.begin(), 1);
  const int64_t channels = shape[1], inner = shape[2] * shape[3];
  if (shape.size() != 4 || shape[0] != 1 || channels != x[1] || inner == 1) return false;
  std::vector<float> small(static_cast<size_t>(channels));
  for (size_t c = 0; c < small.size(); ++c) {
    const auto first = values.begin() + static_cast<int64_t>(c) * inner;
    small[c] = *first;
    if (!std::all_of(first, first + inner, [&](float v) { return v == small[c]; })) return false;
  }
  node.inputs[1] = graph.add_constant(node.name + "/slope", Tensor::f32({channels, 1, 1}, small));
  return true;
}

}  // namespace

Status recognise_activations(Graph& graph) {
  for (Node& node : graph.nodes) {
    while (merge_clamps(graph, node)) {
      if (node.op == "Relu") break;
      const auto now = clamp_of(graph, node);
      if (!now || !clamp_of(graph, now->x)) break;
    }
    shrink_slope(graph, node);
  }
  remove_dead_nodes(graph);
  // Roots first: x * (clamp(x + 3) / 6) is one HardSwish, not a HardSigmoid and a product. What a match frees
  // shows in the use counts of the next round.
  for (bool changed = true; changed;) {
    changed = false;
    const std::vector<int> uses = graph.use_counts();
    for (size_t i = graph.nodes.size(); i-- > 0;) changed = recognise_product(graph, uses, i) || changed;
    TARSIER_CHECK(sort_nodes(graph));
    remove_dead_nodes(graph);
  }
  return {};
}

}  // namespace tarsier::graph
