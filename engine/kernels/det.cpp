// Det: determinants of a batch of square matrices by Gaussian elimination with partial pivoting. Shader
// det.comp: one lane owns one matrix and works on a copy in scratch memory.
#include <cmath>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Det : public Operator {
 public:
  Det() : Operator("Det", 1, 1) {}

  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    return uint64_t(graph::element_count(graph.shape(node.inputs[0]))) * 4;
  }
  Status emit(Emitter& emitter) const override {
    const Operand out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    struct Push {
      uint64_t source, scratch, target;
      uint32_t count, order;
    } push{0, emitter.scratch(), out.address, uint32_t(graph::element_count(out.value->desc.shape)),
           uint32_t(view.shape(0).back())};
    if (push.count == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    emitter.dispatch("kernels/det.comp", {}, push, flat_grid(push.count, 16));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    const Shape& shape = view.shape(0);
    if (shape.size() < 2 || shape[shape.size() - 1] != shape[shape.size() - 2]) {
      return input_error("{} holds no square matrices", graph::to_string(shape));
    }
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    return std::vector{TensorDesc{view.dtype(0), Shape(shape.begin(), shape.end() - 2)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const auto given = view.floats(0);
    const auto order = size_t(view.shape(0).back());
    std::vector<float> results(size_t(outputs[0].size()));
    for (size_t m = 0; m < results.size(); ++m) {
      const auto first = given.begin() + int64_t(m * order * order);
      std::vector<double> a(first, first + int64_t(order * order));
      results[m] = float(determinant(a, order));
    }
    store(outputs[0], results);
    return {};
  }

 private:
  static double determinant(std::vector<double>& a, size_t order) {
    double product = 1;
    for (size_t k = 0; k < order; ++k) {
      size_t pivot = k;
      for (size_t r = k + 1; r < order; ++r) {
        if (std::fabs(a[r * order + k]) > std::fabs(a[pivot * order + k])) pivot = r;
      }
      if (pivot != k) {
        product = -product;
        for (size_t c = 0; c < order; ++c) std::swap(a[k * order + c], a[pivot * order + c]);
      }
      const double top = a[k * order + k];
      product *= top;
      if (top == 0) return 0;
      for (size_t r = k + 1; r < order; ++r) {
        const double factor = a[r * order + k] / top;
        for (size_t c = k; c < order; ++c) a[r * order + c] -= factor * a[k * order + c];
      }
    }
    return product;
  }
};

}  // namespace

void register_det(Registry& registry) {
  registry.add(std::make_unique<Det>());
}

}  // namespace tarsier::kernels
