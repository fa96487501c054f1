// Where: picks from two operands by a condition, with broadcasting. Shader where.comp.
#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Where : public Operator {
 public:
  Where() : Operator("Where", 3, 3) {}

  Status emit(Emitter& emitter) const override {
    const Operand out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    const Shape& shape = out.value->desc.shape;
    if (graph::element_count(shape) == 0) return {};
    const auto axes = collapse(
        nd_axes(shape, {broadcast_strides(view.shape(0), shape), broadcast_strides(view.shape(1), shape),
                        broadcast_strides(view.shape(2), shape)}));
    if (axes.size() > 8) return runtime_error("a broadcast over more than 8 axes");
    struct Push {
      uint64_t condition, a, b, target, table;
      uint32_t count, reserved = 0;
    } push{};
    TARSIER_TRY(push.condition, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(push.a, input_address(emitter, 1, Layout::kLinear, false));
    TARSIER_TRY(push.b, input_address(emitter, 2, Layout::kLinear, false));
    TARSIER_TRY(const Weights table, emitter.upload(nd_table(axes)));
    push.target = out.address;
    push.table = table.address;
    push.count = uint32_t(graph::element_count(shape));
    emitter.dispatch("kernels/where.comp", {uint32_t(axes.size())}, push, flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (is_float(view.dtype(0)))
      return input_error("the condition is of type {}", graph::name_of(view.dtype(0)));
    if (view.dtype(1) != view.dtype(2)) return input_error("the two choices differ in element type");
    TARSIER_TRY(const Shape ab, broadcast(view.shape(1), view.shape(2)));
    TARSIER_TRY(Shape shape, broadcast(view.shape(0), ab));
    return std::vector{TensorDesc{view.dtype(1), std::move(shape)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const Shape shape = outputs[0].shape();
    const auto pick = view.ints(0);
    const auto choose = [&](const auto& a, const auto& b) {
      auto result = a;
      result.resize(size_t(outputs[0].size()));
      for_each_index<3>(shape,
                        {broadcast_strides(view.shape(0), shape), broadcast_strides(view.shape(1), shape),
                         broadcast_strides(view.shape(2), shape)},
                        [&](int64_t i, const auto& at) {
                          result[size_t(i)] = pick[size_t(at[0])] != 0 ? a[size_t(at[1])] : b[size_t(at[2])];
                        });
      store(outputs[0], result);
    };
    if (is_float(view.dtype(1))) {
      choose(view.floats(1), view.floats(2));
    } else {
      choose(view.ints(1), view.ints(2));
    }
    return {};
  }
};

}  // namespace

void register_where(Registry& registry) {
  registry.add(std::make_unique<Where>());
}

}  // namespace tarsier::kernels
