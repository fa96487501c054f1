// Pad with modes constant, reflect, edge and wrap; inputs data, pads, value, axes (ONNX opset 18 and newer).
// Rows and columns of a kC4 tensor by remap.comp, any axis of a row-major one by pad.comp.
#include <algorithm>
#include <bit>
#include <numeric>

#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"
#include "kernels/remap.hpp"

namespace tarsier::kernels {
namespace {

class Pad : public Operator {
 public:
  Pad() : Operator("Pad", 2, 4) { needs_values({1, 2, 3}); }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = follow_input(graph, node);
    const Shape& in = graph.shape(node.inputs[0]);
    const Shape& out = graph.shape(node.outputs[0]);
    if (choice.inputs[0] == Layout::kC4 && (in[0] != out[0] || in[1] != out[1])) {
      return all_layouts(node, Layout::kLinear);
    }
    std::fill(choice.inputs.begin() + 1, choice.inputs.end(), Layout::kLinear);
    return choice;
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    const Shape& shape = out.value->desc.shape;
    if (graph::element_count(shape) == 0) return {};
    TARSIER_TRY(const auto maps, index_maps(view));
    const bool real = is_float(view.dtype(0));
    const float fill = real && view.has(2) ? view.floats(2)[0] : 0.0F;
    TARSIER_TRY(const uint64_t source,
                input_address(emitter, 0, out.value->layout, half_flag(*in.value) != 0));
    if (is_c4(out)) return emit_remap(emitter, *in.value, source, out, maps[2], maps[3], fill);
    uint32_t bits = std::bit_cast<uint32_t>(fill);
    if (!real) bits = view.has(2) ? uint32_t(int32_t(view.ints(2)[0])) : 0;
    return emit_axis_maps(emitter, view.shape(0), source, out, maps, bits);
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_CHECK(are_single(view, {2}));
    TARSIER_TRY(const auto axes, padding(view));
    TensorDesc desc = view.desc(0);
    for (size_t d = 0; d < axes.size(); ++d) desc.shape[d] = axes[d].size;
    return std::vector{desc};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (view.rank(0) > 8 || view.rank(0) < 1) return input_error("rank {} (1 to 8)", view.rank(0));
    if (view.has(2) && view.data(2) == nullptr) return input_error("a value that is computed at run time");
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const auto maps, index_maps(view));
    const Shape shape = outputs[0].shape();
    const auto strides = strides_of(shape), from = strides_of(view.shape(0));
    const auto pad_as = [&](auto values, auto fill) {
      decltype(values) result(size_t(outputs[0].size()));
      for (size_t i = 0; i < result.size(); ++i) {
        int64_t rest = int64_t(i), at = 0;
        for (size_t d = 0; d < shape.size(); ++d) {
          const int32_t mapped = maps[d][size_t(rest / strides[d])];
          rest %= strides[d];
          at = mapped < 0 || at < 0 ? -1 : at + mapped * from[d];
        }
        result[i] = at < 0 ? fill : values[size_t(at)];
      }
      store(outputs[0], result);
    };
    if (is_float(view.dtype(0))) {
      pad_as(view.floats(0), view.has(2) ? view.floats(2)[0] : 0.0F);
    } else {
      pad_as(view.ints(0), view.has(2) ? view.ints(2)[0] : int64_t{0});
    }
    return {};
  }

 private:
  /// What is added to one axis (or cut off, where negative), and its extent then.
  struct Axis {
    int64_t before = 0, after = 0, size = 0;
  };
  static Result<std::vector<Axis>> padding(const OpView& view) {
    const Shape& shape = view.shape(0);
    const std::string mode = view.node().text("mode", "constant");
    if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap") {
      return input_error("mode={}", mode);
    }
    TARSIER_TRY(const auto pads, view.constant_ints(1, "pads"));
    std::vector<int64_t> axes(shape.size());
    std::iota(axes.begin(), axes.end(), int64_t{0});
    if (view.has(3)) {
      TARSIER_TRY(axes, view.constant_ints(3, "axes"));
    }
    if (pads.size() != axes.size() * 2) {
      return input_error("{} pads for {} axes", pads.size(), axes.size());
    }
    std::vector<Axis> padded;
    for (const int64_t extent : shape) padded.push_back({0, 0, extent});
    for (size_t i = 0; i < axes.size(); ++i) {
      TARSIER_TRY(const int64_t axis, normalize_axis(axes[i], int64_t(shape.size())));
      const int64_t extent = shape[size_t(axis)], before = pads[i], after = pads[i + axes.size()];
      // So that no sum below overflows.
      if (std::max(before, after) > INT32_MAX || std::min(before, after) < -INT32_MAX)
        return input_error("pads {} and {} of axis {} are out of range", before, after, axis);
      const int64_t size = extent + before + after;
      if (size < 0) return input_error("pads crop more of axis {} than there is", axis);
      const bool nothing = mode == "wrap" ? period_of(extent, before, after) < 1 : extent == 0;
      if (mode != "constant" && nothing && size > 0) return input_error("nothing to repeat in axis {}", axis);
      padded[size_t(axis)] = {before, after, size};
    }
    return padded;
  }
  /// What is left of an axis between negative pads: what they cut off does not come back on the other side.
  static int64_t period_of(int64_t extent, int64_t before, int64_t after) {
    return extent - std::max<int64_t>(0, -before) - std::max<int64_t>(0, -after);
  }
  /// For each axis the source index of every output index, -1 where the fill value goes.
  static Result<std::vector<std::vector<int32_t>>> index_maps(const OpView& view) {
    const std::string mode = view.node().text("mode", "constant");
    TARSIER_TRY(const auto axes, padding(view));
    std::vector<std::vector<int32_t>> maps(axes.size());
    for (size_t d = 0; d < axes.size(); ++d) {
      const auto [before, after, size] = axes[d];
      const int64_t extent = view.shape(0)[d], first = std::max<int64_t>(0, -before);
      const int64_t period = period_of(extent, before, after);
      auto& map = maps[d];
      map.resize(size_t(size));
      for (int64_t o = 0; o < size; ++o) {
        int64_t at = o - before;
        if (mode == "edge") {
          at = std::clamp<int64_t>(at, 0, extent - 1);
        } else if (mode == "wrap") {
          at = first + ((((at - first) % period) + period) % period);
        } else if (mode == "reflect" && extent > 1) {
          const int64_t turn = 2 * (extent - 1);
          at = ((at % turn) + turn) % turn;
          if (at >= extent) at = turn - at;
        } else if (mode == "reflect") {
          at = 0;
        } else if (at < 0 || at >= extent) {
          at = -1;
        }
        map[size_t(o)] = int32_t(at);
      }
    }
    return maps;
  }
};

}  // namespace

void register_pad(Registry& registry) {
  registry.add(std::make_unique<Pad>());
}

}  // namespace tarsier::kernels
