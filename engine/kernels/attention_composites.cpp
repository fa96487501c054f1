// Attention and RotaryEmbedding of ONNX, written out in others: what needs no matrix of scores becomes
// ScaledDotProductAttention, the rest MatMul, Softmax, MatMul.
#include <cmath>
#include <limits>

#include "graph/passes/evaluate.hpp"
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kMostChannels = 128;  // of ScaledDotProductAttention (attention.cpp)

/// Where a condition holds nothing, elsewhere minus infinity: what is added to scores.
ValueId as_bias(NodeBuilder& builder, ValueId condition) {
  return builder.add("Where", {condition, builder.scalar(0), builder.scalar(-kInfinity)});
}

/// Inputs Q, K, V, attn_mask, past_key, past_value and (opset 24) nonpad_kv_seqlen, in heads [batch, heads,
/// tokens, channels] or flat [batch, tokens, heads * channels].
class Attention : public Composite {
 public:
  Attention() : Composite("Attention", 3, 7) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const graph::Node& node = builder.node();
    TARSIER_TRY(const Sizes s, describe(builder));
    const bool flat = builder.shape(0).size() == 3;
    const auto heads = [&](size_t index, int64_t count) {
      if (!flat) return builder.input(index);
      const Shape& shape = builder.shape(index);
      return builder.transpose(
          builder.reshape(builder.input(index), {shape[0], shape[1], count, shape[2] / count}), {0, 2, 1, 3});
    };
    const ValueId query = heads(0, s.heads);
    ValueId key = heads(1, s.key_heads), value = heads(2, s.key_heads);
    if (s.past >= 0) {
      key = builder.add("Concat", {builder.input(4), key}, {{"axis", int64_t{2}}});
      value = builder.add("Concat", {builder.input(5), value}, {{"axis", int64_t{2}}});
    }
    builder.set_output(1, key);
    builder.set_output(2, value);

    // Heads that share a key lie side by side: their tokens are as good as those of one head.
    const Shape merged{s.batch, s.key_heads, s.heads / s.key_heads * s.queries, s.channels};
    const ValueId rows = s.heads == s.key_heads ? query : builder.reshape(query, merged);
    const float scale = node.real("scale", float(1 / std::sqrt(double(std::max<int64_t>(s.channels, 1)))));
    const float softcap = node.real("softcap", 0);
    const bool limited = node.integer("is_causal", 0) != 0 || node.integer("left_window_size", -1) >= 0 ||
                         node.integer("right_window_size", -1) >= 0;
    const bool plain = !limited && builder.input(3) == kNone && builder.input(6) == kNone && softcap == 0 &&
                       builder.output(3) == kNone;
    ValueId out = kNone;
    if (plain && s.keys > 0 && std::max(s.channels, s.value_channels) <= kMostChannels &&
        s.batch * s.key_heads <= 65535) {
      out = builder.add("ScaledDotProductAttention", {rows, key, value}, {{"scale", scale}});
    } else {
      TARSIER_TRY(out, products(builder, s, rows, key, value, scale));
    }
    if (s.heads != s.key_heads || flat)
      out = builder.reshape(out, {s.batch, s.heads, s.queries, s.value_channels});
    if (flat) {
      out = builder.reshape(builder.transpose(out, {0, 2, 1, 3}),
                            {s.batch, s.queries, s.heads * s.value_channels});
    }
    builder.set_output(0, out);
    return {};
  }

 private:
  struct Sizes {
    int64_t batch = 0, heads = 0, key_heads = 0, queries = 0, keys = 0, channels = 0, value_channels = 0;
    int64_t past = -1;  // tokens that came before; -1: no past is given
  };

  static Result<Sizes> describe(const NodeBuilder& builder) {
    const graph::Node& node = builder.node();
    const Shape &q = builder.shape(0), &k = builder.shape(1), &v = builder.shape(2);
    Sizes s;
    if (q.size() != k.size() || q.size() != v.size() || (q.size() != 3 && q.size() != 4))
      return input_error("shapes {}, {} and {}", graph::to_string(q), graph::to_string(k),
                         graph::to_string(v));
    const bool flat = q.size() == 3;
    s.batch = q[0];
    s.heads = flat ? node.integer("q_num_heads", 0) : q[1];
    s.key_heads = flat ? node.integer("kv_num_heads", 0) : k[1];
    if (s.heads < 1 || s.heads > INT32_MAX || s.key_heads < 1 || s.heads % s.key_heads != 0)
      return input_error("{} heads over {} of keys", s.heads, s.key_heads);
    s.queries = q[flat ? 1 : 2];
    s.keys = k[flat ? 1 : 2];
    s.channels = flat ? q[2] / s.heads : q[3];
    s.value_channels = flat ? v[2] / s.key_heads : v[3];
    if (k[0] != s.batch || v[0] != s.batch || v[flat ? 1 : 2] != s.keys ||
        (flat ? q[2] != s.channels * s.heads || k[2] != s.channels * s.key_heads ||
                    v[2] != s.value_channels * s.key_heads
              : k[3] != s.channels || v[1] != s.key_heads))
      return input_error("shapes {}, {} and {} don't fit", graph::to_string(q), graph::to_string(k),
                         graph::to_string(v));
    if ((builder.input(4) == kNone) != (builder.input(5) == kNone))
      return input_error("a past of only one of keys and values");
    if (builder.input(4) != kNone) {
      if (builder.shape(4).size() != 4)
        return input_error("past_key of {}", graph::to_string(builder.shape(4)));
      s.past = builder.shape(4)[2];
      s.keys += s.past;
    }
    if (std::max(s.queries, s.keys) > graph::kMostMade)
      return input_error("{} queries and {} keys are too many", s.queries, s.keys);
    return s;
  }

  /// What is added to the scores; kNone where nothing. `may_mask_all`: a query might be left without keys.
  static Result<ValueId> bias(NodeBuilder& builder, const Sizes& s, bool& may_mask_all) {
    ValueId allowed = kNone;
    const auto restrict = [&](ValueId condition) {
      allowed = allowed == kNone ? condition : builder.add("And", {allowed, condition});
    };
    const ValueId keys = builder.count_along(4, 3, s.keys);
    ValueId lengths = builder.input(6);
    if (lengths != kNone) {
      lengths = builder.add("Cast", {builder.reshape(lengths, {s.batch, 1, 1, 1})}, {{"to", int64_t{7}}});
      restrict(builder.add("Less", {keys, lengths}));
      may_mask_all = true;
    }
    const graph::Node& node = builder.node();
    const bool causal = node.integer("is_causal", 0) != 0;
    const int64_t left = node.integer("left_window_size", -1), right = node.integer("right_window_size", -1);
    if (causal || left >= 0 || right >= 0) {
      // The place of query i among the keys: behind those that were there before.
      const ValueId queries = builder.count_along(4, 2, s.queries);
      const ValueId before =
          lengths != kNone && s.past < 0
              ? builder.add("Sub", {lengths, builder.scalar(float(s.queries), DType::kI64)})
              : builder.scalar(float(std::max<int64_t>(s.past, 0)), DType::kI64);
      const ValueId place = builder.add("Add", {queries, before});
      const auto moved = [&](const char* op, int64_t by) {
        return builder.add(op, {place, builder.scalar(float(by), DType::kI64)});
      };
      if (causal) restrict(builder.add("LessOrEqual", {keys, place}));
      if (left >= 0) restrict(builder.add("GreaterOrEqual", {keys, moved("Sub", left)}));
      if (right >= 0) restrict(builder.add("LessOrEqual", {keys, moved("Add", right)}));
      may_mask_all = may_mask_all || left >= 0;
    }
    ValueId mask = builder.input(3);
    if (mask != kNone) {
      may_mask_all = true;
      const Shape& shape = builder.shape(3);
      const bool real = is_float(builder.desc(3).dtype);
      if (shape.empty() || shape.size() > 4) return input_error("attn_mask of {}", graph::to_string(shape));
      // A mask may end early: the keys behind it take no part.
      if (shape.back() < s.keys && shape.back() != 1) {
        std::vector<int64_t> pads(shape.size() * 2, 0);
        pads.back() = s.keys - shape.back();
        if (!real) mask = as_bias(builder, builder.add("Cast", {mask}, {{"to", int64_t{9}}}));
        mask = builder.add("Pad", {mask, builder.ints(pads), builder.scalar(-kInfinity)});
      } else if (!real) {
        restrict(mask);
        mask = kNone;
      }
    }
    if (allowed == kNone) return mask;
    const ValueId added = as_bias(builder, allowed);
    return mask == kNone ? added : builder.add("Add", {mask, added});
  }

  static Result<ValueId> products(NodeBuilder& builder, const Sizes& s, ValueId rows, ValueId key,
                                  ValueId value, float scale) {
    const float root = std::sqrt(std::fabs(scale));
    const Shape full{s.batch, s.heads, s.queries, s.keys};
    const Shape merged{s.batch, s.key_heads, s.heads / s.key_heads * s.queries, s.keys};
    const bool grouped = s.heads != s.key_heads;
    const ValueId turned = builder.transpose(key, {0, 1, 3, 2});
    ValueId scores =
        builder.add("MatMul", {builder.add("Mul", {rows, builder.scalar(std::copysign(root, scale))}),
                               builder.add("Mul", {turned, builder.scalar(root)})});
    if (grouped) scores = builder.reshape(scores, full);
    std::array<ValueId, 4> stages{scores, scores, scores, scores};
    if (const float softcap = builder.node().real("softcap", 0); softcap != 0) {
      const ValueId bent = builder.add("Tanh", {builder.add("Div", {scores, builder.scalar(softcap)})});
      scores = builder.add("Mul", {bent, builder.scalar(softcap)});
    }
    stages[1] = scores;
    bool may_mask_all = false;
    TARSIER_TRY(const ValueId added, bias(builder, s, may_mask_all));
    if (added != kNone) scores = builder.add("Add", {scores, added});
    stages[2] = scores;
    ValueId weights = builder.add("Softmax", {scores}, {{"axis", int64_t{-1}}});
    if (may_mask_all && s.keys > 0) {
      // Without a key, softmax has no value; the result is zero.
      const ValueId top = builder.add("ReduceMax", {scores, builder.ints({3})});
      const ValueId empty = builder.add("Equal", {top, builder.scalar(-kInfinity)});
      weights = builder.add("Where", {empty, builder.scalar(0), weights});
    }
    stages[3] = weights;
    const int64_t mode = std::clamp<int64_t>(builder.node().integer("qk_matmul_output_mode", 0), 0, 3);
    builder.set_output(3, stages[size_t(mode)]);
    return builder.add("MatMul", {grouped ? builder.reshape(weights, merged) : weights, value});
  }
};

/// Inputs X, cos_cache, sin_cache, position_ids: pairs of channels of each head turned by the angle of their
/// token's position (Su et al., "RoFormer", 2021).
class RotaryEmbedding : public Composite {
 public:
  RotaryEmbedding() : Composite("RotaryEmbedding", 3, 4) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const graph::Node& node = builder.node();
    const Shape shape = builder.shape(0);
    if (shape.size() != 3 && shape.size() != 4) return input_error("X of shape {}", graph::to_string(shape));
    const bool flat = shape.size() == 3;
    const int64_t heads = node.integer("num_heads", 0);
    if (flat && (heads < 1 || shape[2] % heads != 0)) return input_error("num_heads={}", heads);
    Shape split = shape;
    if (flat) split = {shape[0], shape[1], heads, shape[2] / heads};
    const int64_t channels = split[3];
    int64_t turned = node.integer("rotary_embedding_dim", 0);
    if (turned == 0) turned = channels;
    if (turned < 2 || turned > channels || turned % 2 != 0)
      return input_error("rotary_embedding_dim={} of {} channels", turned, channels);
    const ValueId x = flat ? builder.reshape(builder.input(0), split) : builder.input(0);
    const auto angles = [&](size_t index) -> Result<ValueId> {
      ValueId cache = builder.input(index);
      Shape extents = builder.shape(index);
      if (builder.input(3) != kNone) {
        if (extents.size() != 2) return input_error("a cache of shape {}", graph::to_string(extents));
        cache = builder.add("Gather", {cache, builder.input(3)}, {{"axis", int64_t{0}}});
        extents = {builder.shape(3)[0], builder.shape(3)[1], extents[1]};
      }
      if (extents.size() != 3 || extents[2] != turned / 2)
        return input_error("a cache of shape {}", graph::to_string(builder.shape(index)));
      const Shape aligned =
          flat ? Shape{extents[0], extents[1], 1, extents[2]} : Shape{extents[0], 1, extents[1], extents[2]};
      return builder.reshape(cache, aligned);
    };
    if (builder.input(3) != kNone && builder.shape(3).size() != 2)
      return input_error("position_ids of shape {}", graph::to_string(builder.shape(3)));
    TARSIER_TRY(const ValueId cosine, angles(1));
    TARSIER_TRY(const ValueId sine, angles(2));
    const auto slice = [&](int64_t from, int64_t to, int64_t step) {
      return builder.add(
          "Slice", {x, builder.ints({from}), builder.ints({to}), builder.ints({3}), builder.ints({step})});
    };
    const bool interleaved = node.integer("interleaved", 0) != 0;
    const ValueId first = interleaved ? slice(0, turned, 2) : slice(0, turned / 2, 1);
    const ValueId second = interleaved ? slice(1, turned, 2) : slice(turned / 2, turned, 1);
    const auto times = [&](ValueId a, ValueId b) { return builder.add("Mul", {a, b}); };
    ValueId real = builder.add("Sub", {times(first, cosine), times(second, sine)});
    ValueId imaginary = builder.add("Add", {times(first, sine), times(second, cosine)});
    ValueId result = kNone;
    Shape part = split;
    part[3] = turned;
    if (interleaved) {
      Shape alone = split;
      alone[3] = turned / 2;
      alone.push_back(1);
      real = builder.reshape(real, alone);
      imaginary = builder.reshape(imaginary, alone);
      result = builder.reshape(builder.add("Concat", {real, imaginary}, {{"axis", int64_t{4}}}), part);
    } else {
      result = builder.add("Concat", {real, imaginary}, {{"axis", int64_t{3}}});
    }
    if (turned < channels)
      result = builder.add("Concat", {result, slice(turned, channels, 1)}, {{"axis", int64_t{3}}});
    builder.set_output(0, flat ? builder.reshape(result, shape) : result);
    return {};
  }
};

}  // namespace

void register_attention_composites(Registry& registry) {
  registry.add(std::make_unique<Attention>());
  registry.add(std::make_unique<RotaryEmbedding>());
}

}  // namespace tarsier::kernels
