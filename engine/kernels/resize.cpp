// Resize (nearest and linear) along H and W; inputs X, roi, scales, sizes (ONNX opset 11 and newer). The host
// computes source indices and weights for each row and column once, so that all coordinate and rounding modes
// are the reference's own; the shaders (remap.comp, resize_linear.comp) look them up.
#include <algorithm>
#include <cmath>

#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"
#include "kernels/remap.hpp"

namespace tarsier::kernels {
namespace {

/// Source of one output coordinate: low + (high - low) * weight.
struct Tap {
  int32_t low = 0, high = 0;
  float weight = 0;
};

class Resize : public Operator {
 public:
  Resize() : Operator("Resize", 1, 4) { needs_values({1, 2, 3}); }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = prefer_c4(graph, node);
    std::fill(choice.inputs.begin() + 1, choice.inputs.end(), Layout::kLinear);
    return choice;
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return node.text("mode", "nearest") == "linear" && accepts_c4(graph, node, post);
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const auto axes, taps(view, out.value->desc.shape));
    TARSIER_TRY(const uint64_t source, input_address(emitter, 0, Layout::kC4, half_flag(*in.value) != 0));
    if (view.node().text("mode", "nearest") == "nearest") {
      std::vector<int32_t> rows, columns;
      for (const Tap& tap : axes[2]) rows.push_back(tap.low);
      for (const Tap& tap : axes[3]) columns.push_back(tap.low);
      return emit_remap(emitter, *in.value, source, out, rows, columns, 0.0F);
    }
    const Nchw from(in.value->desc.shape), to(out.value->desc.shape);
    if (to.plane() == 0) return {};
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
    TARSIER_TRY(const Weights rows, emitter.upload(std::as_bytes(std::span(axes[2]))));
    TARSIER_TRY(const Weights columns, emitter.upload(std::as_bytes(std::span(axes[3]))));
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

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TensorDesc desc = view.desc(0);
    std::vector<int64_t> axes;
    for (int64_t d = 0; d < view.rank(0); ++d) axes.push_back(d);
    axes = view.node().integers("axes", axes);
    const bool by_size = view.has(3) && view.desc(3).shape != Shape{0};
    if (!by_size && !(view.has(2) && view.desc(2).shape != Shape{0})) {
      return input_error("neither scales nor sizes are given");
    }
    if (view.data(by_size ? 3 : 2) == nullptr) {
      return input_error("scales or sizes that are computed at run time (constants only)");
    }
    if (view.data(by_size ? 3 : 2)->size() != int64_t(axes.size())) {
      return input_error("scales or sizes do not fit rank {}", view.rank(0));
    }
    for (size_t i = 0; i < axes.size(); ++i) {
      TARSIER_TRY(const int64_t axis, normalize_axis(axes[i], view.rank(0)));
      int64_t& extent = desc.shape[size_t(axis)];
      extent = by_size ? view.ints(3)[i] : int64_t(std::floor(double(extent) * view.floats(2)[i]));
      if (extent < 1) return input_error("axis {} shrinks to nothing", axis);
    }
    return std::vector{desc};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    const std::string mode = view.node().text("mode", "nearest");
    if (mode != "nearest" && mode != "linear") return input_error("mode={}", mode);
    if (view.node().integer("antialias", 0) != 0) return input_error("antialias=1");
    if (view.node().text("keep_aspect_ratio_policy", "stretch") != "stretch") {
      return input_error("keep_aspect_ratio_policy={}", view.node().text("keep_aspect_ratio_policy", ""));
    }
    if (!can_be_c4(view.desc(0))) return input_error("rank {} or element type (real, rank 4)", view.rank(0));
    TARSIER_TRY(const auto descs, shapes(view));
    if (descs[0].shape[0] != view.shape(0)[0] || descs[0].shape[1] != view.shape(0)[1]) {
      return input_error("a change of batch or channels");
    }
    return taps(view, descs[0].shape).ok() ? Status() : taps(view, descs[0].shape).error();
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_CHECK(supported(view));
    const Nchw from(view.shape(0)), to(outputs[0].shape());
    TARSIER_TRY(const auto axes, taps(view, outputs[0].shape()));
    const auto in = view.floats(0);
    const bool nearest = view.node().text("mode", "nearest") == "nearest";
    std::vector<float> out;
    for (int64_t plane = 0; plane < to.n * to.c; ++plane) {
      const auto at = [&](int32_t y, int32_t x) { return in[size_t((plane * from.h + y) * from.w + x)]; };
      for (const Tap& y : axes[2]) {
        for (const Tap& x : axes[3]) {
          if (nearest) {
            out.push_back(at(y.low, x.low));
            continue;
          }
          const float top = at(y.low, x.low) + (at(y.low, x.high) - at(y.low, x.low)) * x.weight;
          const float bottom = at(y.high, x.low) + (at(y.high, x.high) - at(y.high, x.low)) * x.weight;
          out.push_back(top + (bottom - top) * y.weight);
        }
      }
    }
    store(outputs[0], out);
    return {};
  }

 private:
  /// Taps of every axis (ONNX, operator Resize: coordinate_transformation_mode and nearest_mode).
  static Result<std::vector<std::vector<Tap>>> taps(const OpView& view, const Shape& out) {
    const graph::Node& node = view.node();
    const std::string mode = node.text("coordinate_transformation_mode", "half_pixel");
    const std::string rounding = node.text("nearest_mode", "round_prefer_floor");
    const bool nearest = node.text("mode", "nearest") == "nearest";
    std::vector<std::vector<Tap>> result(out.size());
    for (size_t d = 0; d < out.size(); ++d) {
      const int64_t in = view.shape(0)[d];
      double scale = double(out[d]) / double(in);
      if (!node.has("axes") && view.has(2) && view.data(2) != nullptr &&
          view.data(2)->size() == int64_t(out.size())) {
        scale = view.floats(2)[d];
      }
      for (int64_t o = 0; o < out[d]; ++o) {
        double x = 0;
        if (mode == "half_pixel") {
          x = (double(o) + 0.5) / scale - 0.5;
        } else if (mode == "pytorch_half_pixel") {
          x = out[d] > 1 ? (double(o) + 0.5) / scale - 0.5 : 0.0;
        } else if (mode == "align_corners") {
          x = out[d] > 1 ? double(o) * double(in - 1) / double(out[d] - 1) : 0.0;
        } else if (mode == "asymmetric") {
          x = double(o) / scale;
        } else if (mode == "tf_half_pixel_for_nn") {
          x = (double(o) + 0.5) / scale;
        } else {
          return input_error("coordinate_transformation_mode={}", mode);
        }
        Tap tap;
        if (nearest) {
          double at = 0;
          if (rounding == "round_prefer_floor") {
            at = std::ceil(x - 0.5);
          } else if (rounding == "round_prefer_ceil") {
            at = std::floor(x + 0.5);
          } else if (rounding == "floor") {
            at = std::floor(x);
          } else if (rounding == "ceil") {
            at = std::ceil(x);
          } else {
            return input_error("nearest_mode={}", rounding);
          }
          tap.low = tap.high = int32_t(std::clamp<int64_t>(int64_t(at), 0, in - 1));
        } else {
          x = std::clamp(x, 0.0, double(in - 1));
          tap.low = int32_t(x);
          tap.high = int32_t(std::min<int64_t>(tap.low + 1, in - 1));
          tap.weight = float(x - tap.low);
        }
        result[d].push_back(tap);
      }
    }
    return result;
  }
};

}  // namespace

void register_resize(Registry& registry) {
  registry.add(std::make_unique<Resize>());
}

}  // namespace tarsier::kernels
