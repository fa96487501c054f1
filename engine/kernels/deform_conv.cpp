// DeformConv (Dai et al., "Deformable Convolutional Networks", 2017; with a mask: Zhu et al., "Deformable
// ConvNets v2", 2018). DeformSample, an IR operator, reads the input where the offsets say (shader
// deform_sample.comp); a convolution of one pixel does the products.
#include <algorithm>
#include <cmath>

#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

struct Geometry {
  int64_t batch, channels, in_h, in_w, out_h, out_w, kernel_h, kernel_w, groups;  // offset groups
  std::vector<int64_t> stride, dilation, pads;
  [[nodiscard]] int64_t taps() const { return kernel_h * kernel_w; }
};

/// Inputs X [N, C, H, W], offset [N, groups * taps * 2, oh, ow] (y before x) and (optional) mask
/// [N, groups * taps, oh, ow]; output [N, C * taps, oh, ow]: what each tap of each channel reads.
class DeformSample : public Operator {
 public:
  DeformSample() : Operator("DeformSample", 2, 3) {}

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Geometry g, geometry(view));
    struct Push {
      uint64_t source, offsets, masks, target;
      uint32_t count;
      int32_t channels, groups, in_h, in_w, out_h, out_w, kernel_h, kernel_w;
      int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    } push{};
    push.count = uint32_t(graph::element_count(emitter.output(0).value->desc.shape));
    if (push.count == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(push.offsets, input_address(emitter, 1, Layout::kLinear, false));
    TARSIER_TRY(push.masks, input_address(emitter, 2, Layout::kLinear, false));
    push.target = emitter.output(0).address;
    push.channels = int32_t(g.channels);
    push.groups = int32_t(g.groups);
    push.in_h = int32_t(g.in_h);
    push.in_w = int32_t(g.in_w);
    push.out_h = int32_t(g.out_h);
    push.out_w = int32_t(g.out_w);
    push.kernel_h = int32_t(g.kernel_h);
    push.kernel_w = int32_t(g.kernel_w);
    push.stride_h = int32_t(g.stride[0]);
    push.stride_w = int32_t(g.stride[1]);
    push.dilation_h = int32_t(g.dilation[0]);
    push.dilation_w = int32_t(g.dilation[1]);
    push.pad_h = int32_t(g.pads[0]);
    push.pad_w = int32_t(g.pads[1]);
    emitter.dispatch("kernels/deform_sample.comp", {view.has(2) ? 1U : 0U}, push,
                     flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Geometry g, geometry(view));
    return std::vector{TensorDesc{view.dtype(0), {g.batch, g.channels * g.taps(), g.out_h, g.out_w}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Geometry g, geometry(view));
    const auto in = view.floats(0), offsets = view.floats(1);
    const auto masks = view.has(2) ? view.floats(2) : std::vector<float>();
    const int64_t plane = g.out_h * g.out_w, taps = g.taps();
    std::vector<float> out(size_t(outputs[0].size()));
    for (int64_t i = 0; i < int64_t(out.size()); ++i) {
      const int64_t pixel = i % plane, tap = i / plane % taps, c = i / plane / taps % g.channels;
      const int64_t n = i / plane / taps / g.channels, group = c / (g.channels / g.groups);
      const int64_t field = (n * g.groups + group) * taps + tap;
      const float y = float(pixel / g.out_w * g.stride[0] - g.pads[0] + tap / g.kernel_w * g.dilation[0]) +
                      offsets[size_t(field * 2 * plane + pixel)];
      const float x = float(pixel % g.out_w * g.stride[1] - g.pads[1] + tap % g.kernel_w * g.dilation[1]) +
                      offsets[size_t((field * 2 + 1) * plane + pixel)];
      const float* source = in.data() + (n * g.channels + c) * g.in_h * g.in_w;
      const auto at = [&](double row, double column) -> double {
        if (!(row >= 0 && column >= 0 && row < double(g.in_h) && column < double(g.in_w))) return 0;
        return source[int64_t(row) * g.in_w + int64_t(column)];
      };
      const double top = std::floor(y), left = std::floor(x), down = y - top, across = x - left;
      const double value = (at(top, left) * (1 - across) + at(top, left + 1) * across) * (1 - down) +
                           (at(top + 1, left) * (1 - across) + at(top + 1, left + 1) * across) * down;
      out[size_t(i)] = float(value) * (masks.empty() ? 1.0F : masks[size_t(field * plane + pixel)]);
    }
    store(outputs[0], out);
    return {};
  }

 private:
  static Result<Geometry> geometry(const OpView& view) {
    const graph::Node& node = view.node();
    const auto kernel = node.integers("kernel_shape");
    const auto stride = node.integers("strides", {1, 1}), dilation = node.integers("dilations", {1, 1});
    const auto pads = node.integers("pads", {0, 0, 0, 0});
    if (view.rank(0) != 4 || view.rank(1) != 4 || kernel.size() != 2 || stride.size() != 2 ||
        dilation.size() != 2 || pads.size() != 4) {
      return input_error("kernel_shape, strides, dilations or pads do not fit input {}",
                         graph::to_string(view.shape(0)));
    }
    if (!is_float(view.dtype(0)) || !is_float(view.dtype(1))) return input_error("integers");
    const Nchw d(view.shape(0));
    Geometry g{d.n,    d.c,      d.h, d.w, 0, 0, kernel[0], kernel[1], node.integer("offset_group", 1),
               stride, dilation, pads};
    for (size_t i = 0; i < 2; ++i) {
      if (kernel[i] < 1 || kernel[i] > 65535 || stride[i] < 1 || dilation[i] < 1) {
        return input_error("kernel_shape, strides or dilations out of range");
      }
      const int64_t room = view.shape(0)[i + 2] + pads[i] + pads[i + 2] - (kernel[i] - 1) * dilation[i] - 1;
      if (room < 0) return input_error("a kernel larger than the padded input");
      (i == 0 ? g.out_h : g.out_w) = room / stride[i] + 1;
    }
    if (g.groups < 1 || g.channels % g.groups != 0) return input_error("offset_group={}", g.groups);
    if (view.shape(1) != Shape{d.n, g.groups * g.taps() * 2, g.out_h, g.out_w} ||
        (view.has(2) && view.shape(2) != Shape{d.n, g.groups * g.taps(), g.out_h, g.out_w})) {
      return input_error("offsets {} do not fit", graph::to_string(view.shape(1)));
    }
    return g;
  }
};

/// Inputs X, W, offset, B, mask.
class DeformConv : public Composite {
 public:
  DeformConv() : Composite("DeformConv", 3, 5) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const graph::Node& node = builder.node();
    Shape weights = builder.shape(1);
    if (weights.size() != 4) return input_error("weights {} (rank 4)", graph::to_string(weights));
    graph::NodeBuilder::Attributes attributes{
        {"kernel_shape", node.integers("kernel_shape", {weights[2], weights[3]})},
        {"strides", node.integers("strides", {1, 1})},
        {"dilations", node.integers("dilations", {1, 1})},
        {"pads", node.integers("pads", {0, 0, 0, 0})},
        {"offset_group", node.integer("offset_group", 1)}};
    std::vector<graph::ValueId> read{builder.input(0), builder.input(2)};
    if (builder.input(4) != graph::kNone) read.push_back(builder.input(4));
    const auto columns = builder.add("DeformSample", read, attributes);
    // Channel c * taps + t of the columns meets weight [m][c][t].
    weights = {weights[0], weights[1] * weights[2] * weights[3], 1, 1};
    const auto flat = builder.data(1) != nullptr
                          ? builder.constant(builder.data(1)->reshaped(weights))
                          : builder.add("Reshape", {builder.input(1), builder.ints(weights)});
    std::vector<graph::ValueId> operands{columns, flat};
    if (builder.input(3) != graph::kNone) operands.push_back(builder.input(3));
    builder.finish("Conv", operands, {{"group", node.integer("group", 1)}});
    return {};
  }
};

}  // namespace

void register_deform_conv(Registry& registry) {
  registry.add(std::make_unique<DeformSample>());
  registry.add(std::make_unique<DeformConv>());
}

}  // namespace tarsier::kernels
