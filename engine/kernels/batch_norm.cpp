// BatchNormalization (inference) that no convolution could absorb: y = x * scale[c] + shift[c]. Shader
// batch_norm.comp. Training mode, parameters computed at run time and those of each position (spatial=0,
// opset 7 and 8) are written out.
#include <cmath>

#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class BatchNormalization : public Operator {
 public:
  BatchNormalization() : Operator("BatchNormalization", 5, 5) { writes_out_others(); }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = needs_groups(node) ? all_layouts(node, Layout::kC4) : follow_input(graph, node);
    for (size_t i = 1; i < choice.inputs.size(); ++i) choice.inputs[i] = Layout::kLinear;
    return choice;
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return accepts_pointwise(graph, node, post) || accepts_in_groups(graph, node, post);
  }
  [[nodiscard]] int in_place_input(const graph::Graph&, const graph::Node&) const override { return 0; }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    const Shape& shape = view.shape(0);
    if (graph::element_count(shape) == 0) return {};
    auto [scale, shift] = affine(view);
    const auto channels = int64_t(scale.size());
    const Tensor packed_scale = Tensor::f32({1, channels, 1, 1}, scale);
    const Tensor packed_shift = Tensor::f32({1, channels, 1, 1}, shift);
    struct Push {
      uint64_t source, target, scale, shift;
      uint32_t count, inner_magic, inner_shift;
      uint32_t channels, channel_magic, channel_shift;
      PostPush post;
    } push{};
    TARSIER_TRY(push.source, input_address(emitter, 0, out.value->layout, half_flag(*in.value) != 0));
    TARSIER_TRY(const Weights scales, emitter.upload(pack_c4(packed_scale, false)));
    TARSIER_TRY(const Weights shifts, emitter.upload(pack_c4(packed_shift, false)));
    push.target = out.address;
    push.scale = scales.address;
    push.shift = shifts.address;
    push.channels = uint32_t(channels);
    push.post = post.push;
    std::array<uint32_t, 3> grid{};
    Coverage lanes;
    const int64_t inner = strides_of(shape)[1];
    if (is_c4(out)) {
      const Nchw d(shape);
      push.count = uint32_t(d.plane());
      push.channel_magic = uint32_t(d.groups());
      lanes = cover(emitter.device(), push.count);
      grid = {(push.count + lanes.per_group() - 1) / lanes.per_group(), uint32_t(d.n * d.groups()), 1};
    } else {
      push.count = uint32_t(graph::element_count(shape));
      const Divisor by_inner = divisor_of(uint32_t(inner)), by_channels = divisor_of(uint32_t(channels));
      push.inner_magic = by_inner.magic;
      push.inner_shift = by_inner.shift;
      push.channel_magic = by_channels.magic;
      push.channel_shift = by_channels.shift;
      lanes = cover(emitter.device(), push.count);
      grid = flat_grid(push.count, lanes.per_group());
    }
    emitter.dispatch("kernels/batch_norm.comp",
                     {post.kinds[0], post.kinds[1], is_c4(out) ? 1U : 0U, half_flag(*in.value),
                      half_flag(*out.value), inner == 1 ? 1U : 0U, channels == 1 ? 1U : 0U, lanes.width,
                      lanes.per_lane, !is_c4(out) && grid[1] > 1 ? 1U : lanes.guard},
                     push, grid);
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (view.rank(0) < 2) return input_error("rank {} (at least 2 is expected)", view.rank(0));
    for (size_t i = 1; i < 5; ++i) {
      if (graph::element_count(view.shape(i)) != view.shape(0)[1]) {
        return input_error("input {} has {} elements for {} channels", i, graph::element_count(view.shape(i)),
                           view.shape(0)[1]);
      }
    }
    return std::vector{view.desc(0)};
  }
  Status write_out(graph::NodeBuilder& builder) const override {
    const graph::Node& node = builder.node();
    const bool trains = node.integer("training_mode", 0) != 0, spatial = node.integer("spatial", 1) != 0;
    bool constant = true;
    for (size_t i = 1; i < 5; ++i) constant = constant && builder.data(i) != nullptr;
    if (!trains && spatial && constant) return {};
    const Shape& shape = builder.shape(0);
    if (shape.size() < 2) return input_error("rank {} (at least 2)", shape.size());
    // One number a channel is seen as [C, 1, ...], one a position has the input's extents behind the batch.
    Shape channels(shape.size() - 1, 1);
    channels[0] = shape[1];
    if (!spatial) channels.assign(shape.begin() + 1, shape.end());
    const auto parameter = [&](graph::ValueId id) { return builder.reshape(id, channels); };
    graph::ValueId mean = parameter(builder.input(3)), variance = parameter(builder.input(4));
    if (trains) {
      std::vector<int64_t> axes;
      for (int64_t d = 0; d < int64_t(shape.size()); ++d) {
        if (d != 1 && (spatial || d == 0)) axes.push_back(d);
      }
      const auto over = builder.ints(axes);
      const auto current = builder.add("ReduceMean", {builder.input(0), over});
      const auto apart = builder.add("Sub", {builder.input(0), current});
      const auto spread = builder.add("ReduceMean", {builder.add("Mul", {apart, apart}), over});
      const float momentum = node.real("momentum", 0.9F);
      const auto running = [&](size_t output, graph::ValueId before, graph::ValueId now) {
        if (builder.output(output) == graph::kNone) return;
        const auto kept = builder.add("Mul", {before, builder.scalar(momentum)});
        const auto flat = parameter(now);
        const auto sum = builder.add("Add", {kept, builder.add("Mul", {flat, builder.scalar(1 - momentum)})});
        const Shape whole = builder.graph().shape(builder.input(3));
        builder.set_output(output, builder.reshape(sum, whole));
      };
      running(1, mean, current);
      running(2, variance, spread);
      mean = current;
      variance = spread;
    }
    const auto biased = builder.add("Add", {variance, builder.scalar(node.real("epsilon", 1e-5F))});
    const auto factor = builder.add("Div", {parameter(builder.input(1)), builder.add("Sqrt", {biased})});
    const auto centred = builder.add("Sub", {builder.input(0), mean});
    builder.finish("Add", {builder.add("Mul", {centred, factor}), parameter(builder.input(2))});
    return {};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (view.node().integer("training_mode", 0) != 0) return input_error("training_mode=1");
    for (size_t i = 1; i < 5; ++i) {
      if (view.data(i) == nullptr) return input_error("parameters that are computed at run time");
    }
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    auto values = view.floats(0);
    const auto [scale, shift] = affine(view);
    const auto inner = size_t(strides_of(view.shape(0))[1]);
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t c = i / inner % scale.size();
      values[i] = values[i] * scale[c] + shift[c];
    }
    store(outputs[0], values);
    return {};
  }

 private:
  static std::pair<std::vector<float>, std::vector<float>> affine(const OpView& view) {
    auto scale = view.floats(1), shift = view.floats(2);
    const auto mean = view.floats(3), variance = view.floats(4);
    const double epsilon = view.node().real("epsilon", 1e-5F);
    for (size_t c = 0; c < scale.size(); ++c) {
      const double factor = scale[c] / std::sqrt(variance[c] + epsilon);
      shift[c] = float(shift[c] - mean[c] * factor);
      scale[c] = float(factor);
    }
    return {scale, shift};
  }
};

}  // namespace

void register_batch_norm(Registry& registry) {
  registry.add(std::make_unique<BatchNormalization>());
}

}  // namespace tarsier::kernels
