// Nodes that only pass their operand on, and chains of reshapes or transposes that one node does.
#include <algorithm>

#include "graph/element_type.hpp"
#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

bool is_reshape(const Node& node) {
  return node.op == "Reshape" || node.op == "Flatten" || node.op == "Squeeze" || node.op == "Unsqueeze";
}

bool all_equal(const Graph& graph, ValueId id, float wanted) {
  const Tensor* tensor = graph.constant(id);
  if (tensor == nullptr || tensor->size() == 0) return false;
  return std::ranges::all_of(tensor->to_floats(), [wanted](float v) { return v == wanted; });
}

bool all_ints(const Graph& graph, ValueId id, int64_t wanted) {
  const auto values = ints_of(graph, id);
  return values && std::ranges::all_of(*values, [wanted](int64_t v) { return v == wanted; });
}

bool casts_exactly(const Node& node) {
  return node.op == "Cast" && is_held_exactly(static_cast<ElementType>(node.integer("to", 0)));
}

/// Whether a Resize to the same extents may still move pixels.
bool moves_pixels(const Graph& graph, const Node& node) {
  const std::string mode = node.text("coordinate_transformation_mode", "half_pixel");
  if (mode == "tf_crop_and_resize" || mode == "tf_half_pixel_for_nn") return true;
  // A scale next to 1 may leave the extent as it is.
  return input_of(node, 3) == kNone && !all_equal(graph, input_of(node, 2), 1);
}

/// The input that the node hands on unchanged; kNone where it does something.
ValueId passed_on(const Graph& graph, const Node& node) {
  if (!node.post.empty() || node.inputs.empty() || node.inputs[0] == kNone || node.outputs.empty())
    return kNone;
  const ValueId x = node.inputs[0];
  const TensorDesc& in = graph.value(x).desc;
  const TensorDesc& out = graph.value(node.outputs[0]).desc;
  if (node.op == "Identity") return x;
  if (node.op == "Concat" && node.inputs.size() == 1) return x;
  if (node.op == "Split" && node.outputs.size() == 1) return x;
  if ((node.op == "Add" || node.op == "Mul") && node.inputs.size() == 2) {
    const float neutral = node.op == "Add" ? 0.0F : 1.0F;
    for (size_t i = 0; i < 2; ++i)
      if (graph.value(node.inputs[i]).desc == out && all_equal(graph, node.inputs[1 - i], neutral))
        return node.inputs[i];
    return kNone;
  }
  if (in != out) return kNone;
  if (is_reshape(node) || node.op == "Expand") return x;
  // Other casts round to a precision, or cut to an integer type, that the engine holds in a wider one.
  if (casts_exactly(node)) return x;
  if (node.op == "Transpose" && is_identity(node.integers("perm"))) return x;
  if (node.op == "Pad" && all_ints(graph, input_of(node, 1), 0)) return x;
  if (node.op == "Slice" && (input_of(node, 4) == kNone || all_ints(graph, input_of(node, 4), 1))) return x;
  if (node.op == "Tile" && all_ints(graph, input_of(node, 1), 1)) return x;
  if (node.op == "Clip" && input_of(node, 1) == kNone && input_of(node, 2) == kNone) return x;
  if (node.op == "Resize" && !moves_pixels(graph, node)) return x;
  if ((node.op == "Sub" && all_equal(graph, input_of(node, 1), 0)) ||
      (node.op == "Div" && all_equal(graph, input_of(node, 1), 1)))
    return x;
  return kNone;
}

/// Readers of `output` read `input`. A graph output keeps its name: then the node that computes `input`
/// writes the output itself, unless `input` is seen from outside too.
bool bypass(Graph& graph, ValueId output, ValueId input) {
  const bool is_output = std::ranges::find(graph.outputs, output) != graph.outputs.end();
  if (!is_output) {
    graph.replace_uses(output, input);
    return true;
  }
  Node* producer = producer_of(graph, input);
  if (producer == nullptr || std::ranges::find(graph.outputs, input) != graph.outputs.end()) return false;
  graph.replace_uses(input, output);
  std::ranges::replace(producer->outputs, input, output);
  graph.value(output).producer = graph.value(input).producer;
  graph.value(input).producer = kNone;
  return true;
}

void make_reshape(Graph& graph, Node& node) {
  const Shape shape = graph.shape(node.outputs[0]);
  node.op = "Reshape";
  node.attributes.clear();
  node.inputs.resize(2, kNone);
  node.inputs[1] =
      graph.add_constant(node.name + "/shape", Tensor::i64({static_cast<int64_t>(shape.size())}, shape));
}

/// The axes with an extent, in the order that a transpose puts them, are in their old order.
bool moves_nothing(const Shape& shape, const std::vector<int64_t>& perm) {
  int64_t last = -1;
  for (const int64_t axis : perm) {
    if (shape[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

bool merge_chain(Graph& graph, Node& node) {
  if (node.inputs.empty() || !node.post.empty()) return false;
  if (node.op == "Transpose" && moves_nothing(graph.shape(node.inputs[0]), node.integers("perm"))) {
    make_reshape(graph, node);
    return true;
  }
  if (node.op == "Transpose") {
    const Node* before = producer_of(graph, node.inputs[0], "Transpose");
    if (before == nullptr) return false;
    std::vector<int64_t> perm = node.integers("perm");
    const std::vector<int64_t> first = before->integers("perm");
    for (int64_t& axis : perm) axis = first[static_cast<size_t>(axis)];
    node.inputs[0] = before->inputs[0];
    node.attributes["perm"] = perm;
    return true;
  }
  if (is_reshape(node)) {
    const Node* before = producer_of(graph, node.inputs[0]);
    if (before == nullptr || !is_reshape(*before) || !before->post.empty()) return false;
    const ValueId source = before->inputs[0];
    make_reshape(graph, node);
    node.inputs[0] = source;
    return true;
  }
  return false;
}

}  // namespace

Status eliminate_noops(Graph& graph) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      changed = merge_chain(graph, graph.nodes[i]) || changed;
      const ValueId same = passed_on(graph, graph.nodes[i]);
      const ValueId output = graph.nodes[i].outputs.empty() ? kNone : graph.nodes[i].outputs[0];
      if (same == kNone || !bypass(graph, output, same)) continue;
      std::vector<bool> keep(graph.nodes.size(), true);
      keep[i] = false;
      graph.retain_nodes(keep);
      changed = true;
      --i;
    }
    remove_dead_nodes(graph);
  }
  return {};
}

}  // namespace tarsier::graph
