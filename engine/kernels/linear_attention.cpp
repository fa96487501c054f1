// LinearAttention: attention as a recurrence over a state S [d_k, d_v] a head (Yang et al. 2024, "Gated delta
// networks"; ONNX, operator LinearAttention), for each token t
//   S <- exp(g_t) S;  u = beta_t (v_t - S^T k_t) with the delta rule, else v_t;  S <- S + k_t u^T;
//   o_t = scale S^T q_t.
// The columns of S don't see each other: shader linear_attention.comp gives each a lane, which walks the
// tokens and keeps the column in memory, side by side with those of its neighbours.
#include <cmath>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Inputs: query [B, T, q_heads * d_k], key [B, T, heads * d_k], value [B, T, heads * d_v], past state
/// [B, heads, d_k, d_v], decay g [B, T, heads (* d_k)], beta [B, T, heads or 1].
struct Dimensions {
  int64_t batch = 0, steps = 0, heads = 0, group = 0, keys = 0, values = 0;  // group: query heads a head
  int64_t decays = 0;  // of a head: 0 (none), 1 or `keys`
  int64_t betas = 0;   // 0 (no delta rule), 1 or `heads`
  float scale = 1;
};

Result<Dimensions> dimensions_of(const OpView& view) {
  for (size_t i = 0; i < 6; ++i) {
    if (!view.has(i)) continue;
    if (view.rank(i) != (i == 3 ? 4 : 3) || !is_float(view.dtype(i)))
      return input_error("input {} is {} {}", i, graph::name_of(view.dtype(i)),
                         graph::to_string(view.shape(i)));
  }
  const std::string rule = view.node().text("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta";
  const bool delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear") return input_error("update_rule={}", rule);
  if (view.has(4) != gated || view.has(5) != delta)
    return input_error("update_rule={} with{} decay and with{} beta", rule, view.has(4) ? "" : "out",
                       view.has(5) ? "" : "out");
  const int64_t queries = view.node().integer("q_num_heads", 0);
  Dimensions d;
  d.heads = view.node().integer("kv_num_heads", 0);
  if (d.heads <= 0 || queries <= 0 || queries > INT32_MAX || queries % d.heads != 0)
    return input_error("q_num_heads={} with kv_num_heads={}", queries, d.heads);
  const Shape &q = view.shape(0), &k = view.shape(1), &v = view.shape(2);
  d.batch = q[0];
  d.steps = q[1];
  d.group = queries / d.heads;
  d.keys = q[2] / queries;
  d.values = v[2] / d.heads;
  if (q[2] != queries * d.keys || k != Shape{d.batch, d.steps, d.heads * d.keys} ||
      v != Shape{d.batch, d.steps, d.heads * d.values})
    return input_error("query {}, key {} and value {} don't fit", graph::to_string(q), graph::to_string(k),
                       graph::to_string(v));
  if (view.has(3) && view.shape(3) != Shape{d.batch, d.heads, d.keys, d.values})
    return input_error("a past state {}", graph::to_string(view.shape(3)));
  if (gated) {
    const Shape& decay = view.shape(4);
    d.decays = decay[2] == d.heads ? 1 : d.keys;
    if (decay != Shape{d.batch, d.steps, d.heads * d.decays})
      return input_error("a decay {}", graph::to_string(decay));
  }
  if (delta) {
    const Shape& beta = view.shape(5);
    d.betas = beta[2];
    if ((d.betas != d.heads && d.betas != 1) || beta != Shape{d.batch, d.steps, d.betas})
      return input_error("a beta {}", graph::to_string(beta));
  }
  d.scale = view.node().real("scale", 0);
  if (d.scale == 0) d.scale = 1 / std::sqrt(float(d.keys));
  return d;
}

class LinearAttention : public Operator {
 public:
  LinearAttention() : Operator("LinearAttention", 3, 6) {}

  /// The state, where nobody reads it afterwards.
  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    if (hands_out_state(node)) return 0;
    const auto d = dimensions_of(OpView(graph, node));
    return d.ok() ? uint64_t(d->batch * d->heads * d->keys * d->values) * 4 : 0;
  }
  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Dimensions d, dimensions_of(view));
    struct Push {
      uint64_t query, key, value, past, decay, beta, output, state;
      uint32_t columns, steps, heads, group, keys, values, decays, betas;
      float scale;
      uint32_t reserved;
    } push{};
    push.columns = uint32_t(d.batch * d.heads * d.values);
    if (push.columns == 0) return {};
    uint64_t* const addresses[] = {&push.query, &push.key, &push.value, &push.past, &push.decay, &push.beta};
    for (size_t i = 0; i < std::size(addresses); ++i) {
      TARSIER_TRY(*addresses[i], input_address(emitter, i, Layout::kLinear, false));
    }
    if (emitter.node().outputs[0] != graph::kNone) push.output = emitter.output(0).address;
    push.state = hands_out_state(emitter.node()) ? emitter.output(1).address : emitter.scratch();
    push.steps = uint32_t(d.steps);
    push.heads = uint32_t(d.heads);
    push.group = uint32_t(d.group);
    push.keys = uint32_t(d.keys);
    push.values = uint32_t(d.values);
    push.decays = uint32_t(d.decays);
    push.betas = uint32_t(d.betas);
    push.scale = d.scale;
    emitter.dispatch("kernels/linear_attention.comp", {view.has(3) ? 1U : 0U, push.output != 0 ? 1U : 0U},
                     push, flat_grid(push.columns, 16));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Dimensions d, dimensions_of(view));
    const DType type = view.dtype(0);
    return std::vector{TensorDesc{type, {d.batch, d.steps, d.heads * d.group * d.values}},
                       TensorDesc{type, {d.batch, d.heads, d.keys, d.values}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Dimensions d, dimensions_of(view));
    const auto given = [&](size_t i) { return view.has(i) ? view.floats(i) : std::vector<float>{}; };
    const auto q = given(0), k = given(1), v = given(2), decay = given(4), beta = given(5);
    std::vector<float> state = given(3);
    state.resize(size_t(d.batch * d.heads * d.keys * d.values), 0);
    std::vector<float> out(size_t(d.batch * d.steps * d.heads * d.group * d.values));
    for (int64_t column = 0; column < d.batch * d.heads * d.values; ++column) {
      const int64_t m = column % d.values, head = column / d.values % d.heads;
      const int64_t batch = column / (d.values * d.heads);
      float* const s = state.data() + (batch * d.heads + head) * d.keys * d.values + m;
      for (int64_t t = 0; t < d.steps; ++t) {
        const int64_t token = batch * d.steps + t, place = token * d.heads + head;
        double seen = 0;
        for (int64_t i = 0; i < d.keys; ++i) {
          if (d.decays > 0) s[i * d.values] *= std::exp(decay[size_t(place * d.decays + i % d.decays)]);
          seen += double(s[i * d.values]) * k[size_t(place * d.keys + i)];
        }
        float update = v[size_t(place * d.values + m)];
        if (d.betas > 0) update = beta[size_t(token * d.betas + head % d.betas)] * float(update - seen);
        for (int64_t i = 0; i < d.keys; ++i) s[i * d.values] += k[size_t(place * d.keys + i)] * update;
        for (int64_t g = 0; g < d.group; ++g) {
          const int64_t reader = place * d.group + g;
          double sum = 0;
          for (int64_t i = 0; i < d.keys; ++i)
            sum += double(s[i * d.values]) * q[size_t(reader * d.keys + i)];
          out[size_t(reader * d.values + m)] = d.scale * float(sum);
        }
      }
    }
    store(outputs[0], out);
    if (outputs.size() > 1) store(outputs[1], state);
    return {};
  }

 private:
  static bool hands_out_state(const graph::Node& node) {
    return node.outputs.size() > 1 && node.outputs[1] != graph::kNone;
  }
};

}  // namespace

void register_linear_attention(Registry& registry) {
  registry.add(std::make_unique<LinearAttention>());
}

}  // namespace tarsier::kernels
