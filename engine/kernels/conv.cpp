// Conv and ConvTranspose, 1-D and 2-D, with any stride, dilation, padding and grouping.
//
// 2-D activations lie in kC4, 1-D ones in kLinear. Which shader runs a node:
//   conv_vector.comp     one or few output pixels (squeeze-and-excite, classifier heads)
//   conv_dense.comp      group = 1; also a transposed one whose kernel is as large as its stride
//   conv_depthwise.comp  one input channel for one output channel
//   conv_generic.comp    everything else
#include "kernels/conv_emit.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Convolution : public Operator {
 public:
  Convolution(std::string op_name, bool transposed)
      : Operator(std::move(op_name), 2, 3), transposed_(transposed) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = all_layouts(node, Layout::kLinear);
    if (graph.shape(node.inputs[0]).size() == 4) {
      choice.inputs[0] = Layout::kC4;
      choice.outputs[0] = Layout::kC4;
    }
    return choice;
  }

  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return graph.shape(node.outputs[0]).size() == 4 ? accepts_c4(graph, node, post)
                                                    : accepts_pointwise(graph, node, post);
  }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const ConvGeometry g, conv_geometry(view, transposed_));
    ConvContext context{emitter, g, {}, {}, emitter.input(0), emitter.output(0)};
    const bool constant = view.data(1) != nullptr && (!view.has(2) || view.data(2) != nullptr);
    if (!constant || g.rank != 4) return emit_conv_generic(context);
    context.weights = view.floats(1);
    if (view.has(2)) context.bias = view.floats(2);
    if (fits_conv_vector(g)) return emit_conv_vector(context);
    if (fits_conv_dense(g, emitter.device())) return emit_conv_dense(context);
    if (fits_conv_depthwise(g)) return emit_conv_depthwise(context);
    return emit_conv_generic(context);
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const ConvGeometry g, conv_geometry(view, transposed_));
    return std::vector{TensorDesc{view.dtype(0), g.output_shape()}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const ConvGeometry g, conv_geometry(view, transposed_));
    store(outputs[0],
          convolve(g, view.floats(0), view.floats(1), view.has(2) ? view.floats(2) : std::vector<float>{}));
    return {};
  }

 private:
  bool transposed_;
};

}  // namespace

Storage ConvContext::input_storage() const {
  if (input.value->storage != DType::kF16) return Storage::kF32;
  return emitter.device().software ? Storage::kF16Shift : Storage::kF16;
}

uint32_t ConvContext::mask_flag() const {
  return geometry.out_channels % 4 != 0 && moves_zero(emitter.node()) ? 1 : 0;
}

Result<ConvTail> upload_tail(const ConvContext& context, int64_t channels, const std::vector<float>& behind) {
  struct Head {
    std::array<uint32_t, 4> zero{};
    PostPush post;
  };
  static_assert(sizeof(Head) == 48);
  TARSIER_TRY(const PostSetup post, setup_post_ops(context.emitter));
  const Head head{{}, post.push};
  std::vector<float> bias(context.bias);
  bias.resize(size_t(channels), 0.0F);
  std::vector<std::byte> bytes;
  const auto append = [&](std::span<const std::byte> part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  };
  append(std::as_bytes(std::span(&head, 1)));
  append(std::as_bytes(std::span(bias)));
  append(std::as_bytes(std::span(behind)));
  TARSIER_TRY(const Weights weights, context.emitter.upload(bytes));
  return ConvTail{weights.address + sizeof(Head), post.kinds};
}

void register_conv(Registry& registry) {
  registry.add(std::make_unique<Convolution>("Conv", false));
  registry.add(std::make_unique<Convolution>("ConvTranspose", true));
}

}  // namespace tarsier::kernels
