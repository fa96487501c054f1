// Elementwise nodes move into the node that computes their operand: on the device that saves a dispatch and a
// round trip through memory each.
//
// The merged node takes the place of the elementwise one in the order, where all operands of both are
// computed: its first operand has no other reader, so the second can't depend on it.
#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/passes/affine.hpp"
#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

using Kind = PostOp::Kind;

/// Scale, shift and slope of each channel, as kAffine reads them.
PostOp affine_post_op(Graph& graph, const std::string& name, std::vector<float> scale,
                      const std::vector<float>& shift, const std::vector<float>& slope) {
  const auto channels = static_cast<int64_t>(scale.size());
  scale.insert(scale.end(), shift.begin(), shift.end());
  scale.insert(scale.end(), slope.begin(), slope.end());
  return {Kind::kAffine, 0, 0, graph.add_constant(name + "/affine", Tensor::f32({3, channels}, scale))};
}

/// A slope behind scale and shift becomes a part of them. False where `post` is none, or there is one
/// already.
bool merge_slope(Graph& graph, PostOp& affine, const PostOp& post) {
  if (affine.kind != Kind::kAffine) return false;
  std::vector<float> values = graph.value(affine.operand).constant->to_floats();
  const size_t channels = values.size() / 3;
  if (std::any_of(values.end() - static_cast<int64_t>(channels), values.end(),
                  [](float v) { return v != 1.0F; }))
    return false;
  std::vector<float> slope(channels, post.kind == Kind::kLeakyRelu ? post.a : 0.0F);
  if (post.kind == Kind::kPRelu) {
    slope = graph.value(post.operand).constant->to_floats();
  } else if (post.kind != Kind::kRelu && post.kind != Kind::kLeakyRelu) {
    return false;
  }
  std::copy(slope.begin(), slope.end(), values.end() - static_cast<int64_t>(channels));
  const std::string name = graph.value(affine.operand).name + "/slope";
  affine.operand = graph.add_constant(name, Tensor::f32({3, static_cast<int64_t>(channels)}, values));
  return true;
}

/// What the node does to input `place`, as a post-op. A constant that the post-op reads may be added.
std::optional<PostOp> post_op_of(Graph& graph, const Node& node, size_t place) {
  const auto unary = [&](Kind kind, float a = 0, float b = 0) { return PostOp{kind, a, b, kNone}; };
  if (place == 0) {
    if (node.op == "Relu") return unary(Kind::kRelu);
    if (node.op == "Sigmoid") return unary(Kind::kSigmoid);
    if (node.op == "Silu") return unary(Kind::kSilu);
    if (node.op == "HardSwish") return unary(Kind::kHardSwish);
    if (node.op == "Tanh") return unary(Kind::kTanh);
    if (node.op == "Gelu" && node.text("approximate", "none") == "none") return unary(Kind::kGelu);
    if (node.op == "Neg") return unary(Kind::kScale, -1, 0);
    if (node.op == "LeakyRelu") return unary(Kind::kLeakyRelu, node.real("alpha", 0.01F));
    if (node.op == "HardSigmoid")
      return unary(Kind::kHardSigmoid, node.real("alpha", 0.2F), node.real("beta", 0.5F));
    if (node.op == "Clip") {
      float limits[2] = {std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max()};
      for (size_t i = 1; i < 3; ++i) {
        if (input_of(node, i) == kNone) continue;
        const auto limit = scalar_of(graph, node.inputs[i]);
        if (!limit) return std::nullopt;
        limits[i - 1] = *limit;
      }
      return unary(Kind::kClip, limits[0], limits[1]);
    }
    if (node.op == "PRelu") {
      const Tensor* slope = graph.constant(input_of(node, 1));
      const Shape& x = graph.shape(node.inputs[0]);
      if (slope == nullptr || slope->dtype() != DType::kF32 || x.size() < 2 || slope->size() != x[1])
        return std::nullopt;
      // One number a channel: only the channel axis, counted from the back, may have an extent.
      const Shape& shape = slope->shape();
      const size_t from_back = x.size() - 1;
      if (x[1] > 1 && (shape.size() < from_back || shape[shape.size() - from_back] != x[1]))
        return std::nullopt;
      Tensor flat = slope->reshaped({x[1]});
      return PostOp{Kind::kPRelu, 0, 0, graph.add_constant(node.name + "/slope", std::move(flat))};
    }
  }
  if (const Shape shape = graph.shape(node.inputs[place]);
      shape.size() == 4 && (node.inputs.size() != 2 || !scalar_of(graph, node.inputs[1 - place]))) {
    if (const auto affine = affine_of(graph, node, place, shape, 1)) {
      return affine_post_op(graph, node.name, affine->scale, affine->shift,
                            std::vector<float>(affine->scale.size(), 1.0F));
    }
  }
  if (node.inputs.size() != 2) return std::nullopt;
  const ValueId other = node.inputs[1 - place];
  if (const auto scalar = scalar_of(graph, other)) {
    if (node.op == "Mul") return unary(Kind::kScale, *scalar, 0);
    if (node.op == "Add") return unary(Kind::kScale, 1, *scalar);
    if (node.op == "Sub")
      return place == 0 ? unary(Kind::kScale, 1, -*scalar) : unary(Kind::kScale, -1, *scalar);
    if (node.op == "Div" && place == 0 && *scalar != 0) return unary(Kind::kScale, 1.0F / *scalar, 0);
    return std::nullopt;
  }
  const Shape& x = graph.shape(node.inputs[place]);
  const Shape& y = graph.shape(other);
  if (node.op == "Add" && x == y) return PostOp{Kind::kAdd, 0, 0, other};
  const bool per_channel =
      x.size() == 4 && y.size() == 4 && y[0] == x[0] && y[1] == x[1] && y[2] == 1 && y[3] == 1;
  if (node.op == "Mul" && (x == y || per_channel)) return PostOp{Kind::kMul, 0, 0, other};
  return std::nullopt;
}

using Accepts = std::function<bool(const Graph&, const Node&, const PostOp&)>;

/// Moves elementwise node `n` through the Concat that it reads, into the producer of each part. True where
/// all of them take it; the node is then to be dropped.
bool fuse_through_concat(Graph& graph, const std::vector<int>& uses, const Accepts& accepts, size_t n) {
  const ValueId x = input_of(graph.nodes[n], 0), result = graph.nodes[n].outputs[0];
  const Node* concat = producer_of(graph, x, "Concat");
  if (concat == nullptr || uses[size_t(x)] != 1 || graph.value(x).desc != graph.value(result).desc)
    return false;
  // Each part would need its own slopes.
  if (graph.nodes[n].op == "PRelu" || graph.nodes[n].op == "BatchNormalization") return false;
  const auto post = post_op_of(graph, graph.nodes[n], 0);
  if (!post || post->operand != kNone) return false;
  for (const ValueId part : concat->inputs) {
    const Node* producer = producer_of(graph, part);
    if (producer == nullptr || producer->outputs.size() != 1 || uses[size_t(part)] != 1 ||
        graph.value(part).desc.dtype != DType::kF32 || !accepts(graph, *producer, *post)) {
      return false;
    }
  }
  const NodeId before = graph.value(x).producer;
  for (const ValueId part : concat->inputs) producer_of(graph, part)->post.push_back(*post);
  graph.nodes[size_t(before)].outputs[0] = result;
  graph.value(result).producer = before;
  graph.value(x).producer = kNone;
  return true;
}

}  // namespace

Status fuse_post_ops(Graph& graph,
                     const std::function<bool(const Graph&, const Node&, const PostOp&)>& accepts) {
  std::vector<int> uses = graph.use_counts();
  std::vector<bool> keep(graph.nodes.size(), true);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].outputs.size() != 1 || !graph.nodes[i].post.empty()) continue;
    const ValueId result = graph.nodes[i].outputs[0];
    if (fuse_through_concat(graph, uses, accepts, i)) {
      keep[i] = false;
      continue;
    }
    // The later of two producers first: its value is then never stored, and the earlier one lives anyway.
    std::vector<size_t> places = {0};
    if (graph.nodes[i].inputs.size() == 2) {
      places.push_back(1);
      if (graph.value(graph.nodes[i].inputs[0] == kNone ? result : graph.nodes[i].inputs[0]).producer <
          graph.value(graph.nodes[i].inputs[1] == kNone ? result : graph.nodes[i].inputs[1]).producer)
        std::swap(places[0], places[1]);
    }
    for (const size_t place : places) {
      const ValueId x = input_of(graph.nodes[i], place);
      if (x == kNone || uses[static_cast<size_t>(x)] != 1) continue;
      const NodeId before = graph.value(x).producer;
      if (before == kNone) continue;
      const Node& producer = graph.nodes[static_cast<size_t>(before)];
      if (producer.outputs.size() != 1 || graph.value(x).desc != graph.value(result).desc ||
          graph.value(x).desc.dtype != DType::kF32)
        continue;
      const auto post = post_op_of(graph, graph.nodes[i], place);
      if (!post) continue;
      PostOp last = producer.post.empty() ? PostOp{} : producer.post.back();
      const bool merges = !producer.post.empty() && merge_slope(graph, last, *post);
      if (!merges && !accepts(graph, producer, *post)) continue;
      uses.resize(graph.values.size(), 1);
      Node merged = std::move(graph.nodes[static_cast<size_t>(before)]);
      if (merges) merged.post.pop_back();
      merged.post.push_back(merges ? last : *post);
      merged.outputs[0] = result;
      graph.value(x).producer = kNone;
      keep[static_cast<size_t>(before)] = false;
      graph.nodes[i] = std::move(merged);
      break;
    }
  }
  graph.retain_nodes(keep);
  return {};
}

}  // namespace tarsier::graph
