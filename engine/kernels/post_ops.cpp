#include "kernels/post_ops.hpp"

#include <algorithm>
#include <cmath>

namespace tarsier::kernels {

using Kind = graph::PostOp::Kind;

bool is_pointwise(const graph::PostOp& post) {
  return post.kind != Kind::kPRelu && post.kind != Kind::kAdd && post.kind != Kind::kMul &&
         post.kind != Kind::kAffine;
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
  if (post.kind == Kind::kAffine) {
    return graph.constant(post.operand) != nullptr && operand.shape == Shape{3, out.shape[1]};
  }
  if (operand.shape == out.shape) return true;
  return post.kind == Kind::kMul && operand.shape == Shape{out.shape[0], out.shape[1], 1, 1};
}

namespace {

/// Whether the value will probably lie in channel groups: something that works on these produced it.
bool comes_in_groups(const graph::Graph& graph, graph::ValueId id, int depth) {
  constexpr int kFarEnough = 8;
  const graph::Value& value = graph.value(id);
  if (depth > kFarEnough || value.constant || !can_be_c4(value.desc)) return false;
  if (value.producer == graph::kNone) return true;  // a graph input lies where its readers want it
  const graph::Node& node = graph.nodes[size_t(value.producer)];
  const Kernel* kernel = Registry::instance().find(node.op);
  if (kernel == nullptr) return false;
  const LayoutChoice choice = kernel->layouts(graph, node);
  if (!choice.outputs.empty() && choice.outputs[0] == Layout::kC4) return true;
  // One that moves elements between axes does so in row-major order.
  static constexpr std::array<std::string_view, 4> kMovers{"Reshape", "Transpose", "MatMul", "Softmax"};
  if (std::find(kMovers.begin(), kMovers.end(), node.op) != kMovers.end()) return false;
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId input) {
    return input != graph::kNone && comes_in_groups(graph, input, depth + 1);
  });
}

}  // namespace

std::vector<float> pack_affine(const Tensor& affine) {
  const auto values = affine.to_floats();
  const size_t channels = values.size() / 3;
  std::vector<float> packed((channels + 3) / 4 * 12, 0.0F);
  for (size_t part = 0; part < 3; ++part) {
    for (size_t c = 0; c < channels; ++c) packed[c / 4 * 12 + part * 4 + c % 4] = values[part * channels + c];
  }
  return packed;
}

bool needs_groups(const graph::Node& node) {
  return std::any_of(node.post.begin(), node.post.end(),
                     [](const graph::PostOp& post) { return !is_pointwise(post); });
}

bool accepts_in_groups(const graph::Graph& graph, const graph::Node& node, const graph::PostOp& post) {
  return accepts_c4(graph, node, post) &&
         std::any_of(node.inputs.begin(), node.inputs.end(),
                     [&](graph::ValueId id) { return id != graph::kNone && comes_in_groups(graph, id, 0); });
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
    if (post.kind == Kind::kAffine) {
      const auto* affine = emitter.graph().constant(post.operand);
      if (affine == nullptr) return runtime_error("the operand of a fused scale and shift is not constant");
      const auto packed = pack_affine(*affine);
      TARSIER_TRY(const Weights weights, emitter.upload(std::as_bytes(std::span(packed))));
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

PostSetup post_ops_of_slice(const Emitter& emitter, const PostSetup& whole, int64_t image,
                            int64_t first_channel) {
  PostSetup slice = whole;
  const graph::Node& node = emitter.node();
  const Nchw out(emitter.graph().shape(node.outputs[0]));
  for (size_t i = 0; i < node.post.size(); ++i) {
    const Kind kind = node.post[i].kind;
    if (is_pointwise(node.post[i])) continue;
    if (kind == Kind::kPRelu || kind == Kind::kAffine) {  // tables of channels, for all images
      slice.push.operand[i] += uint64_t(first_channel) * (kind == Kind::kAffine ? 12 : 4);
      continue;
    }
    const uint64_t group_bytes = (whole.kinds[i] & kPostHalf) != 0 ? 8 : 16;
    const int64_t plane = (whole.kinds[i] & kPostPerPlane) != 0 ? 1 : out.plane();
    slice.push.operand[i] += uint64_t((image * out.groups() + first_channel / 4) * plane) * group_bytes;
  }
  return slice;
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
    case Kind::kAffine:
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
    if (post.kind == Kind::kAffine) {
      const auto channels = shape[1],
                 inner = graph::element_count(shape) / std::max<int64_t>(shape[0] * channels, 1);
      for (size_t i = 0; i < values.size(); ++i) {
        const size_t c = size_t(int64_t(i) / inner % channels), step = size_t(channels);
        const float y = values[i] * operands[c] + operands[step + c];
        values[i] = y < 0 ? y * operands[2 * step + c] : y;
      }
      continue;
    }
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
