// Gather: slices of `data` along `axis` by integer indices of any shape. Shader gather.comp.
#include <algorithm>

#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Gather : public Operator {
 public:
  Gather() : Operator("Gather", 2, 2) {}

  Status emit(Emitter& emitter) const override {
    const Operand out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
    struct Push {
      uint64_t data, indices, target;
      uint32_t count, inner, inner_magic, inner_shift;
      uint32_t picks, picks_magic, picks_shift;
      uint32_t extent;
    } push{};
    TARSIER_TRY(const uint64_t data, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(const uint64_t indices, input_address(emitter, 1, Layout::kLinear, false));
    const auto inner = uint32_t(strides_of(view.shape(0))[size_t(axis)]);
    const auto picks = uint32_t(graph::element_count(view.shape(1)));
    const auto count = uint32_t(graph::element_count(out.value->desc.shape));
    if (count == 0) return {};
    const Divisor by_inner = divisor_of(inner), by_picks = divisor_of(picks);
    push = {data,
            indices,
            out.address,
            count,
            inner,
            by_inner.magic,
            by_inner.shift,
            picks,
            by_picks.magic,
            by_picks.shift,
            uint32_t(view.shape(0)[size_t(axis)])};
    emitter.dispatch("kernels/gather.comp", {inner == 1 ? 1U : 0U, picks == 1 ? 1U : 0U}, push,
                     flat_grid(count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (view.rank(0) == 0) return input_error("data is a scalar");
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
    if (is_float(view.dtype(1))) return input_error("the indices are no integers");
    const Shape& data = view.shape(0);
    if (data[size_t(axis)] == 0 && graph::element_count(view.shape(1)) > 0)
      return input_error("indices into axis {} of {}", axis, graph::to_string(data));
    Shape shape(data.begin(), data.begin() + axis);
    shape.insert(shape.end(), view.shape(1).begin(), view.shape(1).end());
    shape.insert(shape.end(), data.begin() + axis + 1, data.end());
    return std::vector{TensorDesc{view.dtype(0), std::move(shape)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
    const auto indices = view.ints(1);
    const int64_t extent = view.shape(0)[size_t(axis)];
    const size_t chunk = size_t(strides_of(view.shape(0))[size_t(axis)]) * graph::size_of(view.dtype(0));
    const auto from = view.data(0)->bytes();
    auto to = outputs[0].mutable_bytes();
    if (chunk == 0 || indices.empty()) return {};
    const size_t outer = to.size() / (chunk * indices.size());
    size_t at = 0;
    for (size_t o = 0; o < outer; ++o) {
      for (const int64_t given : indices) {
        TARSIER_TRY(const int64_t index, normalize_axis(given, extent));
        std::copy_n(from.begin() + int64_t((o * size_t(extent) + size_t(index)) * chunk), chunk,
                    to.begin() + int64_t(at));
        at += chunk;
      }
    }
    return {};
  }
};

}  // namespace

void register_gather(Registry& registry) {
  registry.add(std::make_unique<Gather>());
}

}  // namespace tarsier::kernels
