// Softmax and LogSoftmax along one axis (ONNX opset 13 semantics). Shader softmax.comp: one lane owns one
// row. Hardmax, and the forms of opset 12 and before over several axes, are written out.
#include <algorithm>
#include <cmath>

#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Softmax : public Operator {
 public:
  Softmax(std::string op_name, bool log) : Operator(std::move(op_name), 1, 1), log_(log) {}

  [[nodiscard]] int in_place_input(const graph::Graph&, const graph::Node&) const override { return 0; }
  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", -1), view.rank(0)));
    const auto extent = uint32_t(view.shape(0)[size_t(axis)]);
    const auto inner = uint32_t(strides_of(view.shape(0))[size_t(axis)]);
    const auto count = uint32_t(graph::element_count(view.shape(0)));
    if (count == 0) return {};
    const Divisor by_inner = divisor_of(inner);
    struct Push {
      uint64_t source, target;
      uint32_t rows, extent, inner, magic, shift, reserved = 0;
    } push{0, emitter.output(0).address, count / extent, extent, inner, by_inner.magic, by_inner.shift};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    emitter.dispatch("kernels/softmax.comp", {log_ ? 1U : 0U, inner == 1 ? 1U : 0U}, push,
                     flat_grid(push.rows, 16));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY([[maybe_unused]] const int64_t axis,
                normalize_axis(view.node().integer("axis", -1), view.rank(0)));
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    return std::vector{view.desc(0)};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", -1), view.rank(0)));
    const int64_t extent = view.shape(0)[size_t(axis)], inner = strides_of(view.shape(0))[size_t(axis)];
    auto values = view.floats(0);
    const int64_t rows = values.empty() ? 0 : int64_t(values.size()) / extent;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t base = row / inner * extent * inner + row % inner;
      const auto at = [&](int64_t i) -> float& { return values[size_t(base + i * inner)]; };
      float top = at(0);
      for (int64_t i = 1; i < extent; ++i) top = std::max(top, at(i));
      double sum = 0;
      for (int64_t i = 0; i < extent; ++i) sum += std::exp(double(at(i)) - top);
      for (int64_t i = 0; i < extent; ++i) {
        const double x = double(at(i)) - top;
        at(i) = float(log_ ? x - std::log(sum) : std::exp(x) / sum);
      }
    }
    store(outputs[0], values);
    return {};
  }

 private:
  bool log_;
};

/// 1 at the first of the greatest numbers along an axis, 0 elsewhere.
class Hardmax : public Composite {
 public:
  Hardmax() : Composite("Hardmax", 1, 1) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const Shape& shape = builder.shape(0);
    TARSIER_TRY(const int64_t axis,
                normalize_axis(builder.node().integer("axis", -1), int64_t(shape.size())));
    if (!is_float(builder.desc(0).dtype)) return input_error("Hardmax of integers is not defined");
    if (graph::element_count(shape) == 0) {
      builder.finish("Identity", {builder.input(0)});
      return {};
    }
    const auto top = builder.add("ArgMax", {builder.input(0)}, {{"axis", axis}});
    const auto is_top =
        builder.add("Equal", {top, builder.count_along(shape.size(), size_t(axis), shape[size_t(axis)])});
    builder.finish("Cast", {is_top}, {{"to", int64_t{1}}});
    return {};
  }
};

/// The operator over all axes from `axis` on as one: what the older form meant.
class Flattened : public Composite {
 public:
  explicit Flattened(const std::string& flat_name)
      : Composite("Flattened" + flat_name, 1, 1), flat_(flat_name) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const Shape& shape = builder.shape(0);
    const auto rank = int64_t(shape.size());
    int64_t axis = builder.node().integer("axis", 1);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis > rank) return input_error("axis {} of {}", axis, graph::to_string(shape));
    const int64_t inner = graph::element_count(Shape(shape.begin() + axis, shape.end()));
    const int64_t outer = graph::element_count(Shape(shape.begin(), shape.begin() + axis));
    const auto flat = builder.reshape(builder.input(0), {outer, inner});
    const auto result = builder.add(flat_, {flat}, {{"axis", int64_t{1}}});
    builder.set_output(0, builder.reshape(result, shape));
    return {};
  }

 private:
  std::string flat_;
};

}  // namespace

void register_softmax(Registry& registry) {
  registry.add(std::make_unique<Softmax>("Softmax", false));
  registry.add(std::make_unique<Softmax>("LogSoftmax", true));
  registry.add(std::make_unique<Hardmax>());
  for (const char* flat : {"Softmax", "LogSoftmax", "Hardmax"})
    registry.add(std::make_unique<Flattened>(flat));
}

}  // namespace tarsier::kernels
