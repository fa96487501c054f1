// FlexAttention of the domain ai.onnx.preview, written out in others: attention whose scores and weights pass
// through sub-graphs of the network's own (masks, biases, caps).
#include <cmath>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::Graph;
using graph::NodeBuilder;
using graph::ValueId;

/// Inputs Q [B, heads, L, D], K [B, key heads, S, D], V [B, key heads, S, D_v], then what the sub-graphs
/// capture: prob_mod's values, then score_mod's, in the order of the attributes' names.
class FlexAttention : public Composite {
 public:
  FlexAttention() : Composite("ai.onnx.preview.FlexAttention", 3, 1U << 20U) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const Shape &q = builder.shape(0), &k = builder.shape(1), &v = builder.shape(2);
    const bool fits = q.size() == 4 && k.size() == 4 && v.size() == 4 && k[0] == q[0] && v[0] == q[0] &&
                      v[1] == k[1] && k[3] == q[3] && v[2] == k[2] && k[1] > 0 && q[1] % k[1] == 0;
    if (!fits)
      return input_error("shapes {}, {} and {} don't fit", graph::to_string(q), graph::to_string(k),
                         graph::to_string(v));
    const graph::Node& node = builder.node();
    const float scale = node.real("scale", 1 / std::sqrt(float(q[3])));
    const Graph* on_scores = body_of(node, "score_mod");
    const Graph* on_weights = body_of(node, "prob_mod");
    if (on_scores == nullptr && on_weights == nullptr) {
      builder.finish("Attention", {builder.input(0), builder.input(1), builder.input(2)}, {{"scale", scale}});
      return {};
    }
    // The queries of all heads that share one of keys lie below each other.
    const auto reshaped = [&](ValueId value, const Shape& shape) {
      return builder.add("Reshape", {value, builder.ints(shape)});
    };
    const int64_t rows = q[1] / k[1] * q[2];
    const Shape scored{q[0], q[1], q[2], k[2]};
    const ValueId turned =
        builder.add("Transpose", {builder.input(1)}, {{"perm", std::vector<int64_t>{0, 1, 3, 2}}});
    const ValueId queries =
        builder.add("Mul", {reshaped(builder.input(0), {q[0], k[1], rows, q[3]}), builder.scalar(scale)});
    ValueId scores = reshaped(builder.add("MatMul", {queries, turned}), scored);
    const size_t captured = on_weights == nullptr ? 0 : on_weights->captures;
    if (on_scores != nullptr) {
      TARSIER_TRY(scores, modified(builder, *on_scores, scores, 3 + captured));
    }
    ValueId weights = builder.add("Softmax", {scores}, {{"axis", int64_t{-1}}});
    if (on_weights != nullptr) {
      TARSIER_TRY(weights, modified(builder, *on_weights, weights, 3));
    }
    const ValueId sums =
        builder.add("MatMul", {reshaped(weights, {q[0], k[1], rows, k[2]}), builder.input(2)});
    builder.finish("Reshape", {sums, builder.ints({q[0], q[1], q[2], v[3]})});
    return {};
  }

 private:
  static const Graph* body_of(const graph::Node& node, std::string_view key) {
    const auto found = node.attributes.find(key);
    if (found == node.attributes.end()) return nullptr;
    const auto* body = std::get_if<std::shared_ptr<Graph>>(&found->second);
    return body == nullptr ? nullptr : body->get();
  }
  /// `first`: the input of the node that is the body's first captured value.
  static Result<ValueId> modified(NodeBuilder& builder, const Graph& body, ValueId value, size_t first) {
    if (body.inputs.size() != 1 + body.captures || body.outputs.size() != 1)
      return input_error("a sub-graph takes {} inputs and gives {} outputs (one each is expected)",
                         body.inputs.size() - body.captures, body.outputs.size());
    std::vector<ValueId> inputs{value};
    for (size_t i = 0; i < body.captures; ++i) inputs.push_back(builder.input(first + i));
    return builder.inlined(body, inputs)[0];
  }
};

}  // namespace

void register_flex_attention(Registry& registry) {
  registry.add(std::make_unique<FlexAttention>());
}

}  // namespace tarsier::kernels
