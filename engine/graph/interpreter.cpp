#include "graph/interpreter.hpp"

#include <algorithm>
#include <cmath>

namespace tarsier::graph {

Status apply_post_op(const PostOp& post, Tensor& x, const Tensor* operand) {
  using Kind = PostOp::Kind;
  if (x.dtype() != DType::kF32)
    return runtime_error("a post-op works on f32, this is {}", name_of(x.dtype()));
  const auto data = x.as_mutable<float>();
  const Shape& shape = x.shape();
  const float a = post.a, b = post.b;
  const auto map = [&](auto&& function) -> Status {
    for (float& value : data) value = function(value);
    return {};
  };
  switch (post.kind) {
    case Kind::kRelu:
      return map([](float v) { return std::max(v, 0.0F); });
    case Kind::kClip:
      return map([&](float v) { return std::min(std::max(v, a), b); });
    case Kind::kLeakyRelu:
      return map([&](float v) { return v < 0 ? a * v : v; });
    case Kind::kSigmoid:
      return map([](float v) { return 1.0F / (1.0F + std::exp(-v)); });
    case Kind::kSilu:
      return map([](float v) { return v / (1.0F + std::exp(-v)); });
    case Kind::kHardSigmoid:
      return map([&](float v) { return std::clamp(a * v + b, 0.0F, 1.0F); });
    case Kind::kHardSwish:
      return map([](float v) { return v * std::clamp(v / 6.0F + 0.5F, 0.0F, 1.0F); });
    case Kind::kTanh:
      return map([](float v) { return std::tanh(v); });
    case Kind::kGelu:
      return map([](float v) { return 0.5F * v * (1.0F + std::erf(v * 0.70710678F)); });
    case Kind::kScale:
      return map([&](float v) { return v * a + b; });
    case Kind::kPRelu:
    case Kind::kAdd:
    case Kind::kMul:
    case Kind::kAffine:
      break;
  }
  if (operand == nullptr || operand->dtype() != DType::kF32)
    return runtime_error("a post-op lacks its operand");
  const auto other = operand->as<float>();
  // Same shape, or one number a channel (for kMul one a batch and channel).
  int64_t plane = 1;
  for (size_t i = 2; i < shape.size(); ++i) plane *= shape[i];
  const size_t channels = shape.size() < 2 ? 1 : static_cast<size_t>(shape[1]);
  if (post.kind == Kind::kAffine) {
    if (operand->shape() != Shape{3, static_cast<int64_t>(channels)})
      return runtime_error("scale, shift and slope {} do not fit {}", to_string(operand->shape()),
                           to_string(shape));
    for (size_t i = 0; i < data.size(); ++i) {
      const size_t c = i / static_cast<size_t>(plane) % channels;
      const float y = data[i] * other[c] + other[channels + c];
      data[i] = y < 0 ? y * other[2 * channels + c] : y;
    }
    return {};
  }
  const bool same = operand->shape() == shape;
  const size_t batch = shape.empty() ? 1 : static_cast<size_t>(shape[0]);
  const bool fits = other.size() == channels || (post.kind == Kind::kMul && other.size() == batch * channels);
  if (!same && (post.kind == Kind::kAdd || !fits))
    return runtime_error("post-op operand {} does not fit {}", to_string(operand->shape()), to_string(shape));
  for (size_t i = 0; i < data.size(); ++i) {
    const size_t at = same ? i : i / static_cast<size_t>(plane) % other.size();
    float& value = data[i];
    if (post.kind == Kind::kAdd)
      value += other[at];
    else if (post.kind == Kind::kMul || value < 0)  // PReLU scales what is negative
      value *= other[at];
  }
  return {};
}

Result<std::vector<Tensor>> evaluate(const Graph& graph, const std::vector<Tensor>& inputs,
                                     const OpRegistry& ops, const NodeVisitor& visit) {
  if (inputs.size() != graph.inputs.size())
    return input_error("network {} has {} inputs, {} were given", graph.name, graph.inputs.size(),
                       inputs.size());
  std::vector<Tensor> held(graph.values.size());
  std::vector<bool> ready(graph.values.size(), false);
  std::vector<int> uses = graph.use_counts();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    if (inputs[i].desc() != value.desc)
      return input_error("input '{}' is {}{}, {}{} is expected", value.name, name_of(inputs[i].dtype()),
                         to_string(inputs[i].shape()), name_of(value.desc.dtype),
                         to_string(value.desc.shape));
    held[static_cast<size_t>(graph.inputs[i])] = inputs[i];
    ready[static_cast<size_t>(graph.inputs[i])] = true;
  }
  const auto tensor_of = [&](ValueId id) -> const Tensor* {
    if (id == kNone) return nullptr;
    if (const Tensor* constant = graph.constant(id)) return constant;
    return ready[static_cast<size_t>(id)] ? &held[static_cast<size_t>(id)] : nullptr;
  };
  for (const Node& node : graph.nodes) {
    const auto fail = [&](const Error& error) {
      return error.in(fmt::format("network {}: node {} ({})", graph.name, node.name, node.op));
    };
    const OpDef* op = ops.find(node.op);
    if (op == nullptr || !op->reference) return fail(runtime_error("has no CPU reference"));
    std::vector<const Tensor*> operands;
    for (const ValueId id : node.inputs) operands.push_back(tensor_of(id));
    auto results = op->reference(node, operands);
    if (!results.ok()) return fail(results.error());
    for (const PostOp& post : node.post)
      if (Status status = apply_post_op(post, results->at(0), tensor_of(post.operand)); !status.ok())
        return fail(status.error());
    if (visit) visit(node, *results);
    for (size_t i = 0; i < node.outputs.size() && i < results->size(); ++i) {
      if (node.outputs[i] == kNone) continue;
      const auto at = static_cast<size_t>(node.outputs[i]);
      if (results->at(i).desc() != graph.values[at].desc)
        return fail(runtime_error("computed {}, its shape rule says {}", to_string(results->at(i).shape()),
                                  to_string(graph.values[at].desc.shape)));
      held[at] = std::move(results->at(i));
      ready[at] = true;
    }
    // What nobody reads any more is freed: a whole network's activations would be large.
    const auto release = [&](ValueId id) {
      if (id != kNone && --uses[static_cast<size_t>(id)] == 0) held[static_cast<size_t>(id)] = Tensor();
    };
    for (const ValueId id : node.inputs) release(id);
    for (const PostOp& post : node.post) release(post.operand);
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs) {
    const Tensor* tensor = tensor_of(id);
    if (tensor == nullptr)
      return runtime_error("network {}: output '{}' was not computed", graph.name, graph.value(id).name);
    outputs.push_back(*tensor);
  }
  return outputs;
}

}  // namespace tarsier::graph
