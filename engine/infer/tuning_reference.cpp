#include "infer/tuning_reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "infer/cost.hpp"
#include "kernels/kernel.hpp"
#include "kernels/post_ops.hpp"

namespace tarsier::infer {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Shape;
using graph::Tensor;
using graph::ValueId;

/// What the reference may compute; it does about 10^9 a second.
constexpr int64_t kMostFlop = 30'000'000;
/// Activations rounded to fp16, and sums of such.
constexpr double kHalfTolerance = 5e-3;

/// The slices `at` of an axis, of fp32.
Tensor take(const Tensor& tensor, size_t axis, const std::vector<int64_t>& at) {
  const Shape& from = tensor.shape();
  const auto values = tensor.to_floats();
  int64_t outer = 1, inner = 1;
  for (size_t d = 0; d < axis; ++d) outer *= from[d];
  for (size_t d = axis + 1; d < from.size(); ++d) inner *= from[d];
  std::vector<float> taken;
  taken.reserve(size_t(outer * inner) * at.size());
  for (int64_t o = 0; o < outer; ++o) {
    for (const int64_t i : at) {
      const auto begin = values.begin() + (o * from[axis] + i) * inner;
      taken.insert(taken.end(), begin, begin + inner);
    }
  }
  Shape shape = from;
  shape[axis] = int64_t(at.size());
  return Tensor::f32(shape, taken);
}

/// The axis of the channels of a post-op's operand: [N,C,..], [C,1,1] or [C].
size_t channel_axis(const Shape& shape) {
  return shape.size() == 4 ? 1 : 0;
}

/// Output channels to look at: first, last and between, as many as there is time for. Empty: all.
std::vector<int64_t> pick_channels(const Graph& graph, const graph::Node& node) {
  const bool convolution = node.op == "Conv" || node.op == "ConvTranspose";
  const int64_t flop = flop_of(graph, node);
  if (!convolution || node.integer("group", 1) != 1 || flop <= kMostFlop) return {};
  const int64_t count = graph.shape(node.outputs[0])[1];
  const int64_t picked = std::clamp<int64_t>(count * kMostFlop / flop, 2, count);
  if (picked == count) return {};
  std::vector<int64_t> channels;
  for (int64_t i = 0; i < picked; ++i) channels.push_back(i * (count - 1) / (picked - 1));
  return channels;
}

}  // namespace

Result<TuningReference> TuningReference::compute(const Graph& graph, const std::vector<Tensor>& data) {
  TuningReference reference;
  graph::Node node = graph.nodes[0];
  reference.channels_ = pick_channels(graph, node);
  // Apart from each other: a block that adds its own input convolves all channels of it and adds the picked
  // ones.
  std::map<ValueId, Tensor> tensors, operands;
  const auto tensor_of = [&](ValueId id) {
    if (const Tensor* constant = graph.constant(id); constant != nullptr) return *constant;
    const auto at = std::ranges::find(graph.inputs, id);
    return data[size_t(at - graph.inputs.begin())];
  };
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == kNone) continue;
    tensors[id] = tensor_of(id);
    if (reference.channels_.empty() || i == 0) continue;
    const size_t axis = i == 1 && node.op == "ConvTranspose" ? 1 : 0;
    tensors[id] = take(tensors[id], axis, reference.channels_);
  }
  for (const auto& post : node.post) {
    if (post.operand == kNone) continue;
    Tensor& operand = operands[post.operand] = tensor_of(post.operand);
    const size_t axis = channel_axis(operand.shape());
    if (reference.channels_.empty() || operand.shape()[axis] == 1) continue;
    operand = take(operand, axis, reference.channels_);
  }
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(id == kNone ? nullptr : &tensors.at(id));
  const auto* kernel = kernels::Registry::instance().find(node.op);
  TARSIER_TRY(auto outputs, kernel->reference(node, inputs));
  TARSIER_CHECK(kernels::apply_post_ops(
      node, [&](ValueId id) { return &operands.at(id); }, outputs[0]));
  reference.expected_ = outputs[0].to_floats();
  reference.shape_ = outputs[0].shape();
  const auto half = [&](ValueId id) { return id != kNone && graph.value(id).storage == graph::DType::kF16; };
  if (node.half_products || half(node.outputs[0]) || half(node.inputs[0]))
    reference.tolerance_ = kHalfTolerance;
  return reference;
}

double TuningReference::error_of(const Tensor& output) const {
  const auto got = (channels_.empty() ? output : take(output, 1, channels_)).to_floats();
  double error = 0, range = 1e-30;
  for (size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i])) return std::numeric_limits<double>::infinity();
    error = std::max(error, std::abs(double(got[i]) - double(expected_[i])));
    range = std::max(range, std::abs(double(expected_[i])));
  }
  return error / range;
}

}  // namespace tarsier::infer
