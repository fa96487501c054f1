// LRN: x / (bias + alpha / size * sum of the squares of `size` neighbouring channels)^beta (Krizhevsky et
// al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012). Shader lrn.comp, in channel
// groups.
#include <algorithm>
#include <cmath>

#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Lrn : public Operator {
 public:
  Lrn() : Operator("LRN", 1, 1) { writes_out_others(); }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    return prefer_c4(graph, node);
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const graph::Node& node = emitter.node();
    const Nchw d(out.value->desc.shape);
    const int64_t size = node.integer("size", 1);
    struct Push {
      uint64_t source, target;
      uint32_t count, plane, groups, channels;
      int32_t below, above;  // channels on either side
      float alpha, beta, bias;
    } push{};
    push.count = uint32_t(d.n * d.groups() * d.plane());
    if (push.count == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kC4, half_flag(*in.value) != 0));
    push.target = out.address;
    push.plane = uint32_t(d.plane());
    push.groups = uint32_t(d.groups());
    push.channels = uint32_t(d.c);
    push.below = int32_t((size - 1) / 2);
    push.above = int32_t(size - 1 - push.below);
    push.alpha = node.real("alpha", 1e-4F) / float(size);
    push.beta = node.real("beta", 0.75F);
    push.bias = node.real("bias", 1);
    emitter.dispatch("kernels/lrn.comp", {half_flag(*in.value), half_flag(*out.value)}, push,
                     flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    const int64_t size = view.node().integer("size", 0);
    if (view.rank(0) < 2) return input_error("rank {} (at least 2)", view.rank(0));
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    if (size < 1 || size > 65536) return input_error("size={}", size);
    return std::vector{view.desc(0)};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (view.rank(0) != 4) return input_error("rank {} (4 is expected)", view.rank(0));
    return {};
  }
  Status write_out(graph::NodeBuilder& builder) const override {
    const Shape& shape = builder.shape(0);
    if (shape.size() == 4 || shape.size() < 2) return {};
    const int64_t plane = graph::element_count({shape.begin() + 2, shape.end()});
    const auto flat = builder.reshape(builder.input(0), {shape[0], shape[1], 1, plane});
    const auto y = builder.add("LRN", {flat}, builder.node().attributes);
    builder.set_output(0, builder.reshape(y, shape));
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const graph::Node& node = view.node();
    const int64_t size = node.integer("size", 1), below = (size - 1) / 2, above = size - 1 - below;
    const double alpha = double(node.real("alpha", 1e-4F)) / double(size);
    const double beta = node.real("beta", 0.75F), bias = node.real("bias", 1);
    const auto in = view.floats(0);
    std::vector<float> out(in.size());
    const int64_t channels = view.shape(0)[1], inner = strides_of(view.shape(0))[1];
    for (int64_t i = 0; i < int64_t(in.size()); ++i) {
      const int64_t c = i / inner % channels;
      double sum = 0;
      for (int64_t k = std::max<int64_t>(0, c - below); k <= std::min(channels - 1, c + above); ++k) {
        const double x = in[size_t(i + (k - c) * inner)];
        sum += x * x;
      }
      out[size_t(i)] = float(in[size_t(i)] / std::pow(bias + alpha * sum, beta));
    }
    store(outputs[0], out);
    return {};
  }
};

}  // namespace

void register_lrn(Registry& registry) {
  registry.add(std::make_unique<Lrn>());
}

}  // namespace tarsier::kernels
