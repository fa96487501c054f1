#include "kernels/post_ops.hpp"

#include <algorithm>
#include <cmath>

namespace tarsier::kernels {

using Kind = graph::PostOp::Kind;

bool is_pointwise(const graph::PostOp& post) {
  return post.kind != Kind::kPRelu && post.kind != Kind::kAdd && post.kind != Kind::kMul;
}

bool accepts_pointwise(const graph::Graph& graph, const graph::Node& node, const graph::PostOp& post) {
  return node.post.size() < kMaxPostOps && is_pointwise(post) &&
         is_float(graph.value(node.outputs[0]).desc.dtype);
}

bool accepts_c4(const graph::Graph& graph, const graph::Node& node, const graph::PostOp& post) {
  const TensorDesc& out = graph.value(node.outputs[0]).desc;
  if (node.post.size() >= kMaxPostOps || !can_be_c4(out)) return false;
  if (is_pointwise(post)) return true;
  const TensorDesc& operand = graph.value(post.operand).desc;
  if (!is_float(operand.dtype)) return false;
  if (post.kind == Kind::kPRelu) {
    return graph.constant(post.operand) != nullptr && graph::element_count(operand.shape) == out.shape[1];
  }
  if (operand.shape == out.shape) return true;
  return post.kind == Kind::kMul && operand.shape == Shape{out.shape[0], out.shape[1], 1, 1};
}

Result<PostSetup> setup_post_ops(Emitter& emitter) {
  PostSetup setup;
  const graph::Node& node = emitter.node();
  const graph::Value& out = emitter.graph().value(node.outputs[0]);
  if (node.post.size() > kMaxPostOps) return runtime_error("{} post-ops, at most 2 fit", node.post.size());
  for (size_t i = 0; i < node.post.size(); ++i) {
    const graph::PostOp& post = node.post[i];
    setup.kinds[i] = uint32_t(post.kind) + 1;
    setup.push.a[i] = post.a;
    setup.push.b[i] = post.b;
    if (is_pointwise(post)) continue;
    const graph::Value& operand = emitter.graph().value(post.operand);
    if (post.kind == Kind::kPRelu) {
      const auto* slope = emitter.graph().constant(post.operand);
      if (slope == nullptr) return runtime_error("the slope of a fused PRelu is not constant");
      TARSIER_TRY(const Weights weights,
                  emitter.upload(pack_c4(slope->reshaped({1, slope->size(), 1, 1}), false)));
      setup.push.operand[i] = weights.address;
      continue;
    }
    const bool half = operand.constant ? out.storage == DType::kF16 : operand.storage == DType::kF16;
    TARSIER_TRY(setup.push.operand[i], value_address(emitter, post.operand, out.layout, half));
    if (half) setup.kinds[i] |= kPostHalf;
    if (operand.desc.shape != out.desc.shape) setup.kinds[i] |= kPostPerPlane;
  }
  return setup;
}

float post_op_value(const graph::PostOp& post, float x) {
  switch (post.kind) {
    case Kind::kRelu:
      return std::max(x, 0.0F);
    case Kind::kClip:
      return std::min(std::max(x, post.a), post.b);
    case Kind::kLeakyRelu:
      return x < 0 ? post.a * x : x;
    case Kind::kSigmoid:
      return 1.0F / (1.0F + std::exp(-x));
    case Kind::kSilu:
      return x / (1.0F + std::exp(-x));
    case Kind::kHardSigmoid:
      return std::clamp(post.a * x + post.b, 0.0F, 1.0F);
    case Kind::kHardSwish:
      return x * std::clamp(x / 6.0F + 0.5F, 0.0F, 1.0F);
    case Kind::kTanh:
      return std::tanh(x);
    case Kind::kGelu:
      return x * 0.5F * (1.0F + std::erf(x * 0.70710678F));
    case Kind::kScale:
      return x * post.a + post.b;
    case Kind::kPRelu:
    case Kind::kAdd:
    case Kind::kMul:
      break;  // need an operand: apply_post_ops
  }
  return x;
}

Status apply_post_ops(const graph::Node& node, const std::function<const Tensor*(graph::ValueId)>& operand,
                      Tensor& output) {
  if (node.post.empty()) return {};
  auto values = output.to_floats();
  const Shape& shape = output.shape();
  for (const graph::PostOp& post : node.post) {
    if (is_pointwise(post)) {
      for (float& x : values) x = post_op_value(post, x);
      continue;
    }
    const Tensor* other = operand(post.operand);
    if (other == nullptr) return runtime_error("post-op operand {} has no data", post.operand);
    const auto operands = other->to_floats();
    // A slope of C elements lies along axis 1, whatever rank it is written with.
    const Shape seen = post.kind == Kind::kPRelu ? Shape{1, other->size(), 1, 1} : other->shape();
    TARSIER_TRY([[maybe_unused]] const Shape same, broadcast(shape, seen));
    for_each_index<1>(shape, {broadcast_strides(seen, shape)}, [&](int64_t i, const auto& at) {
      float& x = values[size_t(i)];
      const float y = operands[size_t(at[0])];
      if (post.kind == Kind::kAdd) x += y;
      if (post.kind == Kind::kMul) x *= y;
      if (post.kind == Kind::kPRelu && x < 0) x *= y;
    });
  }
  store(output, values);
  return {};
}

bool moves_zero(const graph::Node& node, float start) {
  float x = start;
  bool moved = x != 0 || std::isnan(x);
  for (const auto& post : node.post) {
    if (!is_pointwise(post)) continue;
    x = post_op_value(post, x);
    moved = moved || x != 0;
  }
  return moved;
}

}  // namespace tarsier::kernels
