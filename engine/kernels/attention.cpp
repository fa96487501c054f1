// ScaledDotProductAttention, the IR operator of the attention pass: softmax(scale * Q K^T) V. Shader
// attention.comp, which never writes the matrix of scores.
#include <algorithm>
#include <cmath>

#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// How the tokens and channels of an operand lie (attention.comp).
enum class Form : uint32_t {
  kTokensFirst = 0,    // [..., tokens, channels]
  kChannelsFirst = 1,  // [..., channels, tokens]
  kGroups = 2          // [N, channels, H, W] in kC4; the pixels are the tokens
};

/// An operand as [batch][tokens][channels], whatever its form.
struct Matrix {
  Form form = Form::kTokensFirst;
  int64_t batch = 1, tokens = 0, channels = 0;

  [[nodiscard]] size_t index(int64_t b, int64_t token, int64_t channel) const {
    return size_t(form == Form::kTokensFirst ? (b * tokens + token) * channels + channel
                                             : (b * channels + channel) * tokens + token);
  }
};

struct Attention {
  Matrix query, key, value, out;
  Shape out_shape;
};

// All channels of a token are unrolled, and the software device slows down on long code.
constexpr int64_t kMostChannels = 128;
constexpr int64_t kMostBatches = 65535;

Matrix matrix_of(const Shape& shape, bool spatial, bool channels_first) {
  Matrix m;
  if (spatial) {
    m = {Form::kGroups, shape[0], shape[2] * shape[3], shape[1]};
    return m;
  }
  const size_t rank = shape.size();
  m.form = channels_first ? Form::kChannelsFirst : Form::kTokensFirst;
  m.tokens = shape[rank - (channels_first ? 1 : 2)];
  m.channels = shape[rank - (channels_first ? 2 : 1)];
  for (size_t d = 0; d + 2 < rank; ++d) m.batch *= shape[d];
  return m;
}

struct Tile {
  bool broadcast = false;  // attention_broadcast.comp
  uint32_t width = kLocalSize, queries = 1, block = 8;
};

/// On the software device a lane takes several queries, because reading keys is what costs there; fewer where
/// there are many channels, because everything is unrolled.
Tile tile(const gpu::DeviceFeatures& device, const Attention& a) {
  if (!device.software || !is_narrow(device)) return {};
  Tile t{true, device.subgroup_size, 4, device.subgroup_size};
  const int64_t channels = a.query.channels + a.value.channels;
  while (t.queries > 1 && (channels * t.queries > 512 || a.query.tokens < int64_t{t.queries} * t.width * 2))
    t.queries /= 2;
  return t;
}

/// Inputs Q, K, V of one rank and equal batch axes, each [..., tokens, channels], or [..., channels, tokens]
/// where `channels_first` (attribute, one 0 or 1 for Q, K, V and the output; default zeros) says so. With
/// `spatial` = 1 all four are [N, C, H, W] and the pixels are the tokens. Attribute `scale` (default 1)
/// multiplies the scores before the softmax over the keys.
class ScaledDotProductAttention : public Operator {
 public:
  ScaledDotProductAttention() : Operator("ScaledDotProductAttention", 3, 3) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph&, const graph::Node& node) const override {
    return all_layouts(node, spatial(node) ? Layout::kC4 : Layout::kLinear);
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return spatial(node) ? accepts_c4(graph, node, post) : accepts_pointwise(graph, node, post);
  }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Attention a, describe(view));
    if (graph::element_count(a.out_shape) == 0) return {};
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    struct Push {
      uint64_t query, key, value, target;
      uint32_t queries, keys;
      float scale;
      uint32_t reserved = 0;
      PostPush post;
    } push{};
    static_assert(sizeof(Push) == 80);
    const Operand out = emitter.output(0);
    const Layout layout = out.value->layout;
    uint32_t forms = uint32_t(a.out.form) << 6, halves = half_flag(*out.value) << 3;
    std::array<uint64_t, 3> addresses{};
    const std::array<const Matrix*, 3> matrices{&a.query, &a.key, &a.value};
    for (size_t i = 0; i < 3; ++i) {
      const Operand in = emitter.input(i);
      const bool half = in.value->constant ? false : half_flag(*in.value) != 0;
      TARSIER_TRY(addresses[i], input_address(emitter, i, layout, half));
      forms |= uint32_t(matrices[i]->form) << (2 * i);
      halves |= (half ? 1U : 0U) << i;
    }
    push.query = addresses[0];
    push.key = addresses[1];
    push.value = addresses[2];
    push.target = out.address;
    push.queries = uint32_t(a.query.tokens);
    push.keys = uint32_t(a.key.tokens);
    push.scale = float(double(view.node().real("scale", 1.0F)) * 1.4426950408889634);
    push.post = post.push;
    const Tile t = tile(emitter.device(), a);
    const bool mask = a.out.channels % 4 != 0 && moves_zero(emitter.node());
    const uint32_t per_group = t.width * t.queries;
    emitter.dispatch(t.broadcast ? "kernels/attention_broadcast.comp" : "kernels/attention.comp",
                     {post.kinds[0], post.kinds[1], t.width, uint32_t(a.query.channels),
                      uint32_t(a.value.channels), forms, halves, t.broadcast ? 0U : 1U,
                      a.key.tokens % t.block != 0 ? 1U : 0U, mask ? 1U : 0U, t.queries, t.block},
                     push, {(push.queries + per_group - 1) / per_group, 1, uint32_t(a.query.batch)});
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Attention a, describe(view));
    return std::vector{TensorDesc{view.dtype(0), a.out_shape}};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    TARSIER_TRY(const Attention a, describe(view));
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    if (std::max(a.query.channels, a.value.channels) > kMostChannels || a.query.batch > kMostBatches) {
      return input_error("{} channels, {} batches (at most {} and {})",
                         std::max(a.query.channels, a.value.channels), a.query.batch, kMostChannels,
                         kMostBatches);
    }
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Attention a, describe(view));
    const auto query = view.floats(0), key = view.floats(1), value = view.floats(2);
    const double scale = view.node().real("scale", 1.0F);
    std::vector<float> result(size_t(outputs[0].size()));
    std::vector<double> weight(size_t(a.key.tokens)), sum(size_t(a.value.channels));
    for (int64_t b = 0; b < a.query.batch; ++b) {
      for (int64_t q = 0; q < a.query.tokens; ++q) {
        for (int64_t k = 0; k < a.key.tokens; ++k) {
          double score = 0;
          for (int64_t c = 0; c < a.query.channels; ++c) {
            score += double(query[a.query.index(b, q, c)]) * key[a.key.index(b, k, c)];
          }
          weight[size_t(k)] = score * scale;
        }
        const double top = *std::max_element(weight.begin(), weight.end());
        double total = 0;
        std::fill(sum.begin(), sum.end(), 0.0);
        for (int64_t k = 0; k < a.key.tokens; ++k) {
          const double w = std::exp(weight[size_t(k)] - top);
          total += w;
          for (int64_t c = 0; c < a.value.channels; ++c) sum[size_t(c)] += w * value[a.value.index(b, k, c)];
        }
        for (int64_t c = 0; c < a.value.channels; ++c) {
          result[a.out.index(b, q, c)] = float(sum[size_t(c)] / total);
        }
      }
    }
    store(outputs[0], result);
    return {};
  }

 private:
  static bool spatial(const graph::Node& node) { return node.integer("spatial", 0) != 0; }

  static Result<Attention> describe(const OpView& view) {
    const graph::Node& node = view.node();
    const auto first = node.integers("channels_first", {0, 0, 0, 0});
    if (first.size() != 4) return input_error("channels_first has {} entries (4 are expected)", first.size());
    const int64_t rank = view.rank(0);
    if (spatial(node) ? rank != 4 : rank < 2) return input_error("rank {}", rank);
    std::array<Matrix, 3> in;
    for (size_t i = 0; i < 3; ++i) {
      if (view.rank(i) != rank || view.dtype(i) != view.dtype(0)) {
        return input_error("the operands differ in rank or element type");
      }
      in[i] = matrix_of(view.shape(i), spatial(node), first[i] != 0);
    }
    Attention a{in[0], in[1], in[2], {}, {}};
    const auto batches = [&](size_t i) {
      return Shape(view.shape(i).begin(), view.shape(i).end() - (spatial(node) ? 3 : 2));
    };
    if (a.query.channels != a.key.channels || a.key.tokens != a.value.tokens || a.key.tokens == 0 ||
        batches(0) != batches(1) || batches(0) != batches(2)) {
      return input_error("shapes {}, {} and {} do not fit", graph::to_string(view.shape(0)),
                         graph::to_string(view.shape(1)), graph::to_string(view.shape(2)));
    }
    a.out_shape = view.shape(0);
    if (spatial(node)) {
      a.out_shape[1] = a.value.channels;
    } else {
      const size_t last = size_t(rank) - 1, before = last - 1;
      a.out_shape[last] = first[3] != 0 ? a.query.tokens : a.value.channels;
      a.out_shape[before] = first[3] != 0 ? a.value.channels : a.query.tokens;
    }
    a.out = matrix_of(a.out_shape, spatial(node), first[3] != 0);
    return a;
  }
};

}  // namespace

void register_attention(Registry& registry) {
  registry.add(std::make_unique<ScaledDotProductAttention>());
}

}  // namespace tarsier::kernels
