// Resize in every mode, along any axes; inputs X, roi, scales, sizes (ONNX opset 11 and newer). The host
// computes source indices and weights for each axis once (resize_geometry.cpp), so that all coordinate and
// rounding modes are the reference's own; the shaders look them up: remap.comp and pad.comp (nearest),
// resize_linear.comp (bilinear planes), resize_axis.comp (the rest: one axis after the other).
#include <algorithm>
#include <bit>
#include <cmath>

#include "core/number.hpp"
#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"
#include "kernels/remap.hpp"
#include "kernels/resize_geometry.hpp"

namespace tarsier::kernels {
namespace {

using Axes = std::vector<ResizeAxis>;

bool is_nearest(const graph::Node& node) {
  return node.text("mode", "nearest") == "nearest";
}

/// The axes that have work, those first that leave the least behind.
std::vector<size_t> moving_axes(const Axes& axes) {
  std::vector<size_t> moving;
  for (size_t d = 0; d < axes.size(); ++d) {
    if (!axes[d].identity()) moving.push_back(d);
  }
  std::ranges::stable_sort(
      moving, [&](size_t a, size_t b) { return axes[a].out * axes[b].in < axes[b].out * axes[a].in; });
  return moving;
}

/// Two taps an axis of a plane, all of them inside: resize_linear.comp.
bool is_bilinear(const graph::Node& node, const Axes& axes) {
  if (axes.size() != 4 || node.text("mode", "nearest") != "linear") return false;
  if (!axes[0].identity() || !axes[1].identity()) return false;
  return std::ranges::all_of(axes, [](const ResizeAxis& a) { return a.taps <= 2 && !a.has_outside(); });
}

class Resize : public Operator {
 public:
  Resize() : Operator("Resize", 1, 4) {
    needs_values({1, 2, 3});
    writes_out_others();
  }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = all_layouts(node, Layout::kLinear);
    const auto axes = resize_axes(OpView(graph, node));
    const bool planes = axes.ok() && axes->size() == 4 && (*axes)[0].identity() && (*axes)[1].identity();
    if (planes && can_be_c4(graph.value(node.inputs[0]).desc)) {
      choice.inputs[0] = Layout::kC4;
      choice.outputs[0] = Layout::kC4;
    }
    return choice;
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    const auto axes = resize_axes(OpView(graph, node));
    return axes.ok() && is_bilinear(node, *axes) && accepts_c4(graph, node, post);
  }
  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    const auto axes = resize_axes(OpView(graph, node));
    if (!axes.ok() || is_nearest(node) || is_bilinear(node, *axes)) return 0;
    return 2 * scratch_half(*axes, graph.value(node.outputs[0]).layout == Layout::kC4);
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    if (graph::element_count(out.value->desc.shape) == 0) return {};
    TARSIER_TRY(const auto axes, resize_axes(view));
    const Layout layout = out.value->layout;
    TARSIER_TRY(const uint64_t source, input_address(emitter, 0, layout, half_flag(*in.value) != 0));
    if (!is_nearest(view.node())) {
      return is_bilinear(view.node(), axes) ? emit_bilinear(emitter, source, axes)
                                            : emit_axes(emitter, source, axes);
    }
    std::vector<std::vector<int32_t>> maps;
    for (const ResizeAxis& axis : axes) {
      maps.push_back(axis.index);
      for (size_t o = 0; o < axis.outside.size(); ++o) {
        if (axis.outside[o]) maps.back()[o] = -1;
      }
    }
    const float fill = view.node().real("extrapolation_value", 0);
    if (is_c4(out)) return emit_remap(emitter, *in.value, source, out, maps[2], maps[3], fill);
    const uint32_t bits =
        is_float(view.dtype(0)) ? std::bit_cast<uint32_t>(fill) : number_cast<uint32_t>(std::round(fill));
    return emit_axis_maps(emitter, view.shape(0), source, out, maps, bits);
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(Shape shape, resize_shape(view));
    return std::vector{TensorDesc{view.dtype(0), std::move(shape)}};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (view.rank(0) < 1 || view.rank(0) > 8) return input_error("rank {} (1 to 8)", view.rank(0));
    if (!is_nearest(view.node()) && !is_float(view.dtype(0))) {
      return input_error("element type {}", graph::name_of(view.dtype(0)));
    }
    TARSIER_TRY([[maybe_unused]] const auto axes, resize_axes(view));
    return {};
  }
  /// Integers are interpolated as real numbers, what lies behind the point is cut off.
  Status write_out(graph::NodeBuilder& builder) const override {
    if (is_nearest(builder.node()) || is_float(builder.desc(0).dtype)) return {};
    auto inputs = builder.node().inputs;
    inputs[0] = builder.add("Cast", {inputs[0]}, {{"to", onnx_type(DType::kF32)}});
    const auto resized = builder.add("Resize", inputs, builder.node().attributes);
    builder.finish("Cast", {resized}, {{"to", onnx_type(builder.desc(0).dtype)}});
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_CHECK(supported(view));
    TARSIER_TRY(const auto axes, resize_axes(view));
    const float fill = view.node().real("extrapolation_value", 0);
    Shape shape = view.shape(0);
    std::vector<float> values = view.floats(0);
    for (const size_t d : moving_axes(axes)) {
      const ResizeAxis& axis = axes[d];
      const int64_t inner = strides_of(shape)[d];
      shape[d] = axis.out;
      std::vector<float> next(size_t(graph::element_count(shape)));
      for (size_t i = 0; i < next.size(); ++i) {
        const int64_t row = int64_t(i) / inner, o = row % axis.out, outer = row / axis.out;
        double sum = 0;
        for (size_t k = 0; k < axis.taps; ++k) {
          const size_t tap = size_t(o) * axis.taps + k;
          sum += double(axis.weight[tap]) *
                 values[size_t((outer * axis.in + axis.index[tap]) * inner + int64_t(i) % inner)];
        }
        next[i] = axis.outside[size_t(o)] ? fill : float(sum);
      }
      values = std::move(next);
    }
    store(outputs[0], values);
    return {};
  }

 private:
  /// Bytes of the largest of the tensors between two axes, in fp32.
  static uint64_t scratch_half(const Axes& axes, bool groups) {
    const auto moving = moving_axes(axes);
    Shape shape;
    for (const ResizeAxis& axis : axes) shape.push_back(axis.in);
    uint64_t most = 0;
    for (size_t i = 0; i + 1 < moving.size(); ++i) {
      shape[moving[i]] = axes[moving[i]].out;
      uint64_t words = uint64_t(graph::element_count(shape));
      if (groups) words = uint64_t(Nchw(shape).n * Nchw(shape).groups() * Nchw(shape).plane()) * 4;
      most = std::max(most, (words * 4 + 255) / 256 * 256);
    }
    return most;
  }

  static Status emit_bilinear(Emitter& emitter, uint64_t source, const Axes& axes) {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const Nchw from(in.value->desc.shape), to(out.value->desc.shape);
    struct Tap {  // low + (high - low) * weight
      int32_t low, high;
      float weight;
    };
    std::array<std::vector<Tap>, 2> taps;
    for (size_t d = 0; d < 2; ++d) {
      const ResizeAxis& axis = axes[d + 2];
      for (size_t o = 0; o < size_t(axis.out); ++o) {
        const size_t first = o * axis.taps, last = first + axis.taps - 1;
        taps[d].push_back({axis.index[first], axis.index[last], axis.taps == 1 ? 0 : axis.weight[last]});
      }
    }
    const auto planes = uint32_t(to.n * to.groups());
    const Coverage lanes = cover_repeating(emitter.device());
    const Divisor by_width = divisor_of(uint32_t(to.w));
    struct Push {
      uint64_t source, target, rows, columns;
      uint32_t count, width, magic, shift;  // of an output plane
      uint32_t source_plane, source_width;
      uint32_t groups, channels, planes, reserved = 0;
      PostPush post;
    } push{};
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    TARSIER_TRY(const Weights rows, emitter.upload(std::as_bytes(std::span(taps[0]))));
    TARSIER_TRY(const Weights columns, emitter.upload(std::as_bytes(std::span(taps[1]))));
    push = {source,
            out.address,
            rows.address,
            columns.address,
            uint32_t(to.plane()),
            uint32_t(to.w),
            by_width.magic,
            by_width.shift,
            uint32_t(from.plane()),
            uint32_t(from.w),
            uint32_t(to.groups()),
            uint32_t(to.c),
            planes,
            0,
            post.push};
    const bool mask = to.c % 4 != 0 && moves_zero(emitter.node());
    emitter.dispatch("kernels/resize_linear.comp",
                     {post.kinds[0], post.kinds[1], half_flag(*in.value), half_flag(*out.value),
                      (mask ? 1U : 0U) | (to.w == 1 ? 2U : 0U), lanes.width, lanes.guard},
                     push, {(push.count + lanes.width - 1) / lanes.width, (planes + 3) / 4, 1});
    return {};
  }

  /// One dispatch an axis; what lies between is in scratch memory, in the layout of the operands, as fp32.
  static Status emit_axes(Emitter& emitter, uint64_t source, const Axes& axes) {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const bool groups = is_c4(out);
    auto moving = moving_axes(axes);
    if (moving.empty()) moving.push_back(axes.size() - 1);  // a copy
    const uint64_t half_bytes = scratch_half(axes, groups);
    Shape shape = in.value->desc.shape;
    const int64_t channels = groups ? shape[1] : 1;
    if (groups) shape[1] = Nchw(shape).groups();
    for (size_t i = 0; i < moving.size(); ++i) {
      const ResizeAxis& axis = axes[moving[i]];
      const bool first = i == 0, last = i + 1 == moving.size();
      shape[moving[i]] = axis.out;
      struct Push {
        uint64_t source, target, indices, weights;
        uint32_t count, inner, inner_magic, inner_shift;
        uint32_t extent, extent_magic, extent_shift, source_extent;
        uint32_t taps;
        float fill;
        uint32_t plane, channels;  // of an output: its groups' pixels
      } push{};
      const auto inner = uint32_t(strides_of(shape)[moving[i]]);
      const Divisor by_inner = divisor_of(inner), by_extent = divisor_of(uint32_t(axis.out));
      std::vector<int32_t> indices = axis.index;
      for (size_t o = 0; o < axis.outside.size(); ++o) {
        if (axis.outside[o]) indices[o * axis.taps] = -1;
      }
      TARSIER_TRY(const Weights index_table, emitter.upload(std::as_bytes(std::span(indices))));
      TARSIER_TRY(const Weights weight_table, emitter.upload(std::as_bytes(std::span(axis.weight))));
      const uint64_t scratch = emitter.scratch();
      push.source = first ? source : scratch + (i % 2 == 1 ? 0 : half_bytes);
      push.target = last ? out.address : scratch + (i % 2 == 0 ? 0 : half_bytes);
      push.indices = index_table.address;
      push.weights = weight_table.address;
      push.count = uint32_t(graph::element_count(shape));
      push.inner = inner;
      push.inner_magic = by_inner.magic;
      push.inner_shift = by_inner.shift;
      push.extent = uint32_t(axis.out);
      push.extent_magic = by_extent.magic;
      push.extent_shift = by_extent.shift;
      push.source_extent = uint32_t(axis.in);
      push.taps = uint32_t(axis.taps);
      push.fill = emitter.node().real("extrapolation_value", 0);
      push.plane = groups ? uint32_t(shape[2] * shape[3]) : 1;
      push.channels = uint32_t(channels);
      const bool mask = groups && channels % 4 != 0 && axis.has_outside();
      emitter.dispatch(
          "kernels/resize_axis.comp",
          {groups ? 1U : 0U, first ? half_flag(*in.value) : 0U, last ? half_flag(*out.value) : 0U,
           (inner == 1 ? 1U : 0U) | (axis.out == 1 ? 2U : 0U) | (mask ? 4U : 0U)},
          push, flat_grid(push.count, kLocalSize), Dispatch::kNoWindow, !first);
    }
    return {};
  }
};

}  // namespace

void register_resize(Registry& registry) {
  registry.add(std::make_unique<Resize>());
}

}  // namespace tarsier::kernels
