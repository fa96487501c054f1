// ToC4 and ToLinear: IR operators that the layout pass inserts between nodes. Shaders to_c4.comp,
// to_linear.comp.
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Convert : public Operator {
 public:
  Convert(std::string op_name, bool to_c4) : Operator(std::move(op_name), 1, 1), to_c4_(to_c4) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph&, const graph::Node&) const override {
    const Layout from = to_c4_ ? Layout::kLinear : Layout::kC4, to = to_c4_ ? Layout::kC4 : Layout::kLinear;
    return {{from}, {to}};
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const Nchw d((to_c4_ ? out : in).value->desc.shape);
    const uint32_t half = half_flag(to_c4_ ? *out.value : *in.value);
    struct Push {
      uint64_t source, target;
      uint32_t plane, groups, channels;
      uint32_t channel_step, pixel_step, reserved = 0;  // words from one to the next on the row-major side
    } push{};
    if (d.plane() == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, in.value->layout, half_flag(*in.value) != 0));
    push.target = out.address;
    push.plane = uint32_t(d.plane());
    push.groups = uint32_t(d.groups());
    push.channels = uint32_t(d.c);
    const bool last = channels_last(emitter.node());
    push.channel_step = last ? 1 : push.plane;
    push.pixel_step = last ? push.channels : 1;
    const uint32_t filled = d.c % 4 == 0 ? 4 : d.c < 4 ? push.channels : 0;
    const Coverage lanes = cover_repeating(emitter.device());
    emitter.dispatch(
        to_c4_ ? "kernels/to_c4.comp" : "kernels/to_linear.comp", {half, lanes.width, lanes.guard, filled},
        push, {(push.plane + lanes.per_group() - 1) / lanes.per_group(), uint32_t(d.n * d.groups()), 1});
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (!can_be_c4(view.desc(0))) return input_error("only rank-4 real tensors have channel groups");
    TensorDesc desc = view.desc(0);
    const Shape& in = view.shape(0);
    if (channels_last(view.node())) {
      desc.shape = to_c4_ ? Shape{in[0], in[3], in[1], in[2]} : Shape{in[0], in[2], in[3], in[1]};
    }
    return std::vector{desc};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    if (!channels_last(view.node())) {
      outputs[0] = *view.data(0);
      return {};
    }
    const Nchw d(to_c4_ ? outputs[0].shape() : view.shape(0));
    const auto in = view.floats(0);
    std::vector<float> out(in.size());
    for (int64_t n = 0; n < d.n; ++n) {
      for (int64_t c = 0; c < d.c; ++c) {
        for (int64_t p = 0; p < d.plane(); ++p) {
          const auto last = size_t((n * d.plane() + p) * d.c + c),
                     first = size_t((n * d.c + c) * d.plane() + p);
          out[to_c4_ ? first : last] = in[to_c4_ ? last : first];
        }
      }
    }
    store(outputs[0], out);
    return {};
  }

 private:
  /// The row-major side is NHWC (passes read_channels_last and write_channels_last).
  static bool channels_last(const graph::Node& node) { return node.integer("channels_last", 0) != 0; }
  bool to_c4_;
};

}  // namespace

void register_layout(Registry& registry) {
  registry.add(std::make_unique<Convert>("ToC4", true));
  registry.add(std::make_unique<Convert>("ToLinear", false));
}

}  // namespace tarsier::kernels
