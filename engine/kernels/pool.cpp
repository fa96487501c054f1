// MaxPool and AveragePool over H and W of a kC4 tensor. Shader pool.comp.
#include <algorithm>
#include <limits>

#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// One spatial axis of a pooling window.
struct Window {
  int64_t kernel = 1, stride = 1, dilation = 1, before = 0, after = 0, in = 0, out = 0;
};

class Pool : public Operator {
 public:
  Pool(std::string op_name, bool max) : Operator(std::move(op_name), 1, 1), max_(max) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    return prefer_c4(graph, node);
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return accepts_c4(graph, node, post);
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const auto window, windows(view));
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    const Nchw d(out.value->desc.shape);
    if (d.plane() == 0) return {};
    const Window &y = window[0], &x = window[1];
    const Divisor by_width = divisor_of(uint32_t(d.w));
    struct Push {
      uint64_t source, target;
      uint32_t count, width, magic, shift;  // of an output plane
      int32_t in_h, in_w;
      uint32_t stride, dilation, before, after;  // y | x << 16
      uint32_t groups, channels;
      PostPush post;
    } push{};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kC4, half_flag(*in.value) != 0));
    const auto pair = [](int64_t low, int64_t high) { return uint32_t(low) | uint32_t(high) << 16; };
    push.target = out.address;
    push.count = uint32_t(d.plane());
    push.width = uint32_t(d.w);
    push.magic = by_width.magic;
    push.shift = by_width.shift;
    push.in_h = int32_t(y.in);
    push.in_w = int32_t(x.in);
    push.stride = pair(y.stride, x.stride);
    push.dilation = pair(y.dilation, x.dilation);
    push.before = pair(y.before, x.before);
    push.after = pair(y.after, x.after);
    push.groups = uint32_t(d.groups());
    push.channels = uint32_t(d.c);
    push.post = post.push;
    const bool mask = d.c % 4 != 0 && moves_zero(emitter.node());
    const uint32_t mode = max_ ? 0 : view.node().integer("count_include_pad", 0) != 0 ? 2 : 1;
    emitter.dispatch("kernels/pool.comp",
                     {post.kinds[0], post.kinds[1], mode, half_flag(*in.value), half_flag(*out.value),
                      uint32_t(y.kernel), uint32_t(x.kernel), (mask ? 1U : 0U) | (d.w == 1 ? 2U : 0U)},
                     push, {(push.count + kLocalSize - 1) / kLocalSize, uint32_t(d.n * d.groups()), 1});
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (view.node().outputs.size() > 1 && view.node().outputs[1] != graph::kNone) {
      return input_error("the Indices output");
    }
    TARSIER_TRY(const auto window, windows(view));
    TensorDesc desc = view.desc(0);
    for (size_t i = 0; i < window.size(); ++i) desc.shape[i + 2] = window[i].out;
    return std::vector{desc};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (view.rank(0) != 4) return input_error("pooling over {} axes (2 are supported)", view.rank(0) - 2);
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    if (view.rank(0) != 4) return input_error("pooling over {} axes (2 are supported)", view.rank(0) - 2);
    TARSIER_TRY(const auto window, windows(view));
    const Window &wy = window[0], &wx = window[1];
    const bool include_pad = view.node().integer("count_include_pad", 0) != 0;
    const auto in = view.floats(0);
    std::vector<float> out;
    const Nchw d(view.shape(0));
    for (int64_t plane = 0; plane < d.n * d.c; ++plane) {
      for (int64_t oy = 0; oy < wy.out; ++oy) {
        for (int64_t ox = 0; ox < wx.out; ++ox) {
          float best = -std::numeric_limits<float>::infinity(), sum = 0;
          int64_t count = 0;
          for (int64_t ky = 0; ky < wy.kernel; ++ky) {
            for (int64_t kx = 0; kx < wx.kernel; ++kx) {
              const int64_t y = oy * wy.stride - wy.before + ky * wy.dilation;
              const int64_t x = ox * wx.stride - wx.before + kx * wx.dilation;
              const bool inside = y >= 0 && y < wy.in && x >= 0 && x < wx.in;
              // Padding counts, what ceil_mode adds beyond it does not.
              if (inside || (include_pad && y < wy.in + wy.after && x < wx.in + wx.after)) ++count;
              if (!inside) continue;
              const float value = in[size_t((plane * wy.in + y) * wx.in + x)];
              best = std::max(best, value);
              sum += value;
            }
          }
          out.push_back(max_ ? best : sum / float(std::max<int64_t>(count, 1)));
        }
      }
    }
    store(outputs[0], out);
    return {};
  }

 private:
  static Result<std::vector<Window>> windows(const OpView& view) {
    const graph::Node& node = view.node();
    if (view.rank(0) < 3) return input_error("rank {} (at least 3 is expected)", view.rank(0));
    const auto axes = size_t(view.rank(0) - 2);
    const std::vector<int64_t> ones(axes, 1), zeros(axes * 2, 0);
    const auto kernel = node.integers("kernel_shape"), stride = node.integers("strides", ones);
    const auto dilation = node.integers("dilations", ones), pads = node.integers("pads", zeros);
    const std::string auto_pad = node.text("auto_pad", "NOTSET");
    if (kernel.size() != axes || stride.size() != axes || dilation.size() != axes ||
        pads.size() != axes * 2) {
      return input_error("kernel_shape, strides, dilations or pads do not fit rank {}", view.rank(0));
    }
    std::vector<Window> result(axes);
    for (size_t i = 0; i < axes; ++i) {
      Window& w = result[i];
      w = {kernel[i], stride[i], dilation[i], pads[i], pads[i + axes], view.shape(0)[i + 2], 0};
      const auto fits = [](int64_t v, int64_t low) { return v >= low && v < 65536; };
      if (!fits(w.kernel, 1) || !fits(w.stride, 1) || !fits(w.dilation, 1) || !fits(w.before, 0) ||
          !fits(w.after, 0)) {
        return input_error("kernel_shape, strides, dilations or pads out of range");
      }
      const int64_t extent = (w.kernel - 1) * w.dilation + 1;
      if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
        w.out = (w.in + w.stride - 1) / w.stride;
        const int64_t total = std::max<int64_t>(0, (w.out - 1) * w.stride + extent - w.in);
        w.before = auto_pad == "SAME_UPPER" ? total / 2 : (total + 1) / 2;
        w.after = total - w.before;
        continue;
      }
      if (auto_pad == "VALID") w.before = w.after = 0;
      const int64_t span = w.in + w.before + w.after - extent;
      if (span < 0) return input_error("the window is larger than the padded input");
      const bool ceil = node.integer("ceil_mode", 0) != 0;
      w.out = (ceil ? (span + w.stride - 1) / w.stride : span / w.stride) + 1;
      // A window that would start in the padding after the input is dropped, as ONNX Runtime does.
      if (ceil && (w.out - 1) * w.stride >= w.in + w.before) --w.out;
    }
    return result;
  }

  bool max_;
};

}  // namespace

void register_pool(Registry& registry) {
  registry.add(std::make_unique<Pool>("MaxPool", true));
  registry.add(std::make_unique<Pool>("AveragePool", false));
}

}  // namespace tarsier::kernels
