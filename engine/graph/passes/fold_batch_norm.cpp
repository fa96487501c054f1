// A per-channel affine step behind a convolution is linear in its weights: y = (W x + b) * s + t is
// (W s) x + (b s + t).
#include "graph/passes/affine.hpp"
#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// Scales the weights of output channel c by affine.scale[c] and sets the bias. False where the weights are
/// not constant or not laid out as expected.
bool absorb(Graph& graph, Node& node, const Affine& affine) {
  const Tensor* old_weights = graph.constant(input_of(node, 1));
  if (old_weights == nullptr || old_weights->dtype() != DType::kF32) return false;
  const Shape shape = old_weights->shape();
  const auto channels = static_cast<int64_t>(affine.scale.size());
  // The output channel of each weight: blocks of `inner` elements, `outer` times over.
  int64_t inner = 1, groups = 1, per_group = channels;
  if (node.op == "Conv") {  // O, I/group, kH, kW
    if (shape.empty() || shape[0] != channels) return false;
    inner = old_weights->size() / channels;
  } else if (node.op == "ConvTranspose") {  // I, O/group, kH, kW
    groups = node.integer("group", 1);
    if (shape.size() < 3 || groups < 1 || shape[1] * groups != channels || shape[0] % groups != 0)
      return false;
    per_group = shape[1];
    inner = old_weights->size() / (shape[0] * shape[1]);
  } else {  // Gemm: K x N, or N x K with transB
    if (shape.size() != 2 || node.real("beta", 1) != 1.0F) return false;
    const bool transposed_b = node.integer("transB", 0) != 0;
    if (shape[transposed_b ? 0 : 1] != channels) return false;
    inner = transposed_b ? shape[1] : 1;
  }
  std::vector<float> bias(affine.scale.size(), 0.0F);
  if (const ValueId id = input_of(node, 2); id != kNone) {
    const Tensor* old_bias = graph.constant(id);
    if (old_bias == nullptr || (old_bias->size() != channels && old_bias->size() != 1)) return false;
    const std::vector<float> values = old_bias->to_floats();
    for (size_t c = 0; c < bias.size(); ++c) bias[c] = values[values.size() == 1 ? 0 : c];
  }
  Tensor weights = *old_weights;
  const auto data = weights.as_mutable<float>();
  for (size_t i = 0; i < data.size(); ++i) {
    const auto block = static_cast<int64_t>(i) / inner;
    int64_t channel = block % per_group;
    if (groups > 1) channel += (block / per_group) / (shape[0] / groups) * per_group;
    data[i] *= affine.scale[static_cast<size_t>(channel)];
  }
  for (size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * affine.scale[c] + affine.shift[c];
  // New constants: the old ones may have other readers.
  node.inputs.resize(3, kNone);
  node.inputs[1] = graph.add_constant(node.name + "/folded_weights", std::move(weights));
  node.inputs[2] = graph.add_constant(node.name + "/folded_bias", Tensor::f32({channels}, bias));
  return true;
}

bool is_linear(const Node& node) {
  return (node.op == "Conv" || node.op == "ConvTranspose" || node.op == "Gemm") && node.post.empty();
}

}  // namespace

Status fold_batch_norm(Graph& graph) {
  std::vector<int> uses = graph.use_counts();
  std::vector<bool> keep(graph.nodes.size(), true);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& step = graph.nodes[i];
    for (size_t place = 0; place < step.inputs.size() && place < 2; ++place) {
      const ValueId x = step.inputs[place];
      Node* linear = producer_of(graph, x);
      if (linear == nullptr || !is_linear(*linear) || uses[static_cast<size_t>(x)] != 1) continue;
      const Shape shape = graph.shape(x);
      if (shape.size() < 2) continue;
      const auto affine = affine_of(graph, step, place, shape, 1);
      if (!affine || !absorb(graph, *linear, *affine)) continue;
      const ValueId result = step.outputs[0];
      linear->outputs[0] = result;
      graph.value(result).producer = graph.value(x).producer;
      graph.value(x).producer = kNone;
      uses.resize(graph.values.size(), 1);
      keep[i] = false;
      break;
    }
  }
  graph.retain_nodes(keep);
  return {};
}

}  // namespace tarsier::graph
