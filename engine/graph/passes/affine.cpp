#include "graph/passes/affine.hpp"

#include <cmath>

namespace tarsier::graph {
namespace {

/// A constant operand as one value a channel: a scalar, or [C,1,1]-like against a value of `shape`.
std::optional<std::vector<float>> per_channel(const Graph& graph, ValueId id, const Shape& shape,
                                              size_t channel_axis) {
  const Tensor* tensor = graph.constant(id);
  if (tensor == nullptr || tensor->dtype() != DType::kF32 || tensor->shape().size() > shape.size())
    return std::nullopt;
  const auto channels = static_cast<size_t>(shape[channel_axis]);
  if (tensor->size() == 1) return std::vector<float>(channels, tensor->to_floats()[0]);
  const size_t offset = shape.size() - tensor->shape().size();
  for (size_t i = 0; i < tensor->shape().size(); ++i) {
    const int64_t extent = tensor->shape()[i];
    if (extent != (i + offset == channel_axis ? shape[channel_axis] : 1)) return std::nullopt;
  }
  return tensor->to_floats();
}

}  // namespace

std::optional<Affine> affine_of(const Graph& graph, const Node& node, size_t place, const Shape& shape,
                                size_t channel_axis) {
  if (!node.post.empty() || node.outputs.size() != 1 || graph.shape(node.outputs[0]) != shape)
    return std::nullopt;
  const auto channels = static_cast<size_t>(shape[channel_axis]);
  Affine affine{std::vector<float>(channels, 1.0F), std::vector<float>(channels, 0.0F)};
  if (node.op == "BatchNormalization") {
    if (place != 0 || node.inputs.size() != 5) return std::nullopt;
    std::vector<std::vector<float>> parts;  // scale, bias, mean, variance
    for (size_t i = 1; i < 5; ++i) {
      const Tensor* tensor = graph.constant(node.inputs[i]);
      if (tensor == nullptr || static_cast<size_t>(tensor->size()) != channels) return std::nullopt;
      parts.push_back(tensor->to_floats());
    }
    const double epsilon = node.real("epsilon", 1e-5F);
    for (size_t c = 0; c < channels; ++c) {
      const double scale = parts[0][c] / std::sqrt(parts[3][c] + epsilon);
      affine.scale[c] = static_cast<float>(scale);
      affine.shift[c] = static_cast<float>(parts[1][c] - parts[2][c] * scale);
    }
    return affine;
  }
  if (node.inputs.size() != 2) return std::nullopt;
  const auto operand = per_channel(graph, node.inputs[1 - place], shape, channel_axis);
  if (!operand) return std::nullopt;
  for (size_t c = 0; c < channels; ++c) {
    const float v = (*operand)[c];
    if (node.op == "Mul") {
      affine.scale[c] = v;
    } else if (node.op == "Add") {
      affine.shift[c] = v;
    } else if (node.op == "Sub") {
      affine.scale[c] = place == 0 ? 1.0F : -1.0F;
      affine.shift[c] = place == 0 ? -v : v;
    } else if (node.op == "Div" && place == 0 && v != 0) {
      affine.scale[c] = 1.0F / v;
    } else {
      return std::nullopt;
    }
  }
  return affine;
}

}  // namespace tarsier::graph
