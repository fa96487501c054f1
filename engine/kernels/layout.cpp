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
    const Nchw d(out.value->desc.shape);
    const uint32_t half = half_flag(to_c4_ ? *out.value : *in.value);
    struct Push {
      uint64_t source, target;
      uint32_t plane, groups, channels, reserved = 0;
    } push{};
    if (d.plane() == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, in.value->layout, half_flag(*in.value) != 0));
    push.target = out.address;
    push.plane = uint32_t(d.plane());
    push.groups = uint32_t(d.groups());
    push.channels = uint32_t(d.c);
    emitter.dispatch(to_c4_ ? "kernels/to_c4.comp" : "kernels/to_linear.comp", {half}, push,
                     {(push.plane + kLocalSize * 2 - 1) / (kLocalSize * 2), uint32_t(d.n * d.groups()), 1});
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (!can_be_c4(view.desc(0))) return input_error("only rank-4 real tensors have channel groups");
    return std::vector{view.desc(0)};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    outputs[0] = *view.data(0);
    return {};
  }

 private:
  bool to_c4_;
};

}  // namespace

void register_layout(Registry& registry) {
  registry.add(std::make_unique<Convert>("ToC4", true));
  registry.add(std::make_unique<Convert>("ToLinear", false));
}

}  // namespace tarsier::kernels
