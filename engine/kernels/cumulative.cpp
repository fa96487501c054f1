// CumSum and CumProd along one axis. Shader cumulative.comp: one lane walks one row.
#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Cumulative : public Operator {
 public:
  Cumulative(std::string op_name, bool product) : Operator(std::move(op_name), 2, 2), product_(product) {
    needs_values({1});
  }

  [[nodiscard]] int in_place_input(const graph::Graph&, const graph::Node&) const override { return 0; }
  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const int64_t axis, axis_of(view));
    const auto count = uint32_t(graph::element_count(view.shape(0)));
    if (count == 0) return {};
    const auto extent = uint32_t(view.shape(0)[size_t(axis)]);
    const auto inner = uint32_t(strides_of(view.shape(0))[size_t(axis)]);
    const Divisor by_inner = divisor_of(inner);
    struct Push {
      uint64_t source, target;
      uint32_t rows, extent, inner, magic, shift, exclusive, reverse, product;
    } push{0,
           emitter.output(0).address,
           count / extent,
           extent,
           inner,
           by_inner.magic,
           by_inner.shift,
           exclusive(view.node()) ? 1U : 0U,
           reverse(view.node()) ? 1U : 0U,
           product_ ? 1U : 0U};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    emitter.dispatch("kernels/cumulative.comp", {is_float(view.dtype(0)) ? 0U : 1U, inner == 1 ? 1U : 0U},
                     push, flat_grid(push.rows, 16));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY([[maybe_unused]] const int64_t axis, axis_of(view));
    return std::vector{view.desc(0)};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    if (is_float(view.dtype(0))) return compute_as<double>(view, view.floats(0), outputs[0]);
    return compute_as<int64_t>(view, view.ints(0), outputs[0]);
  }

 private:
  static bool exclusive(const graph::Node& node) { return node.integer("exclusive", 0) != 0; }
  static bool reverse(const graph::Node& node) { return node.integer("reverse", 0) != 0; }
  static Result<int64_t> axis_of(const OpView& view) {
    TARSIER_CHECK(are_single(view, {1}));
    TARSIER_TRY(const auto axis, view.constant_ints(1, "axis"));
    return normalize_axis(axis[0], view.rank(0));
  }
  template <class T, class Values>
  Status compute_as(const OpView& view, Values values, Tensor& output) const {
    TARSIER_TRY(const int64_t axis, axis_of(view));
    const int64_t extent = view.shape(0)[size_t(axis)], inner = strides_of(view.shape(0))[size_t(axis)];
    const int64_t rows = values.empty() ? 0 : int64_t(values.size()) / extent;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t base = row / inner * extent * inner + row % inner;
      T total = product_ ? 1 : 0;
      for (int64_t i = 0; i < extent; ++i) {
        auto& at = values[size_t(base + (reverse(view.node()) ? extent - 1 - i : i) * inner)];
        const T before = total;
        total = product_ ? total * T(at) : total + T(at);
        at = typename Values::value_type(exclusive(view.node()) ? before : total);
      }
    }
    store(output, values);
    return {};
  }

  bool product_;
};

}  // namespace

void register_cumulative(Registry& registry) {
  registry.add(std::make_unique<Cumulative>("CumSum", false));
  registry.add(std::make_unique<Cumulative>("CumProd", true));
}

}  // namespace tarsier::kernels
