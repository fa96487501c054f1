// DeformConv (Dai et al., "Deformable Convolutional Networks", 2017; with a mask: Zhu et al., "Deformable
// ConvNets v2", 2018). DeformSample, an IR operator, reads the input where the offsets say (shader
// deform_sample.comp); a convolution of one pixel does the products.
#include <algorithm>
#include <cmath>

#include "kernels/conv_geometry.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Channels that a lane reads: its place is worked out once for them.
constexpr int64_t kChannels = 8;

/// Inputs X [N, C, H, W], offset [N, groups * taps * 2, oh, ow] (y before x) and (optional) mask
/// [N, groups * taps, oh, ow]; output [N, C * taps, oh, ow]: what each tap of each channel reads.
class DeformSample : public Operator {
 public:
  DeformSample() : Operator("DeformSample", 2, 3) {}

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const ConvGeometry g, geometry(view));
    struct Push {
      uint64_t source, offsets, masks, target;
      uint32_t channels, groups;
      std::array<int32_t, 2> in, out, kernel, stride, dilation, pad;  // y, x
    } push{};
    if (g.out_plane() * g.batch * g.in_channels == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(push.offsets, input_address(emitter, 1, Layout::kLinear, false));
    TARSIER_TRY(push.masks, input_address(emitter, 2, Layout::kLinear, false));
    push.target = emitter.output(0).address;
    push.channels = uint32_t(g.in_group());
    push.groups = uint32_t(g.group);
    for (size_t i = 0; i < 2; ++i) {
      push.in[i] = int32_t(g.in[i]);
      push.out[i] = int32_t(g.out[i]);
      push.kernel[i] = int32_t(g.kernel[i]);
      push.stride[i] = int32_t(g.stride[i]);
      push.dilation[i] = int32_t(g.dilation[i]);
      push.pad[i] = int32_t(g.pad[i]);
    }
    emitter.dispatch("kernels/deform_sample.comp", {view.has(2) ? 1U : 0U, uint32_t(kChannels)}, push,
                     {uint32_t(ceil_div(g.out_plane(), kLocalSize)), uint32_t(g.batch * g.group * g.taps()),
                      uint32_t(ceil_div(g.in_group(), kChannels))});
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const ConvGeometry g, geometry(view));
    return std::vector{TensorDesc{view.dtype(0), {g.batch, g.in_channels * g.taps(), g.out[0], g.out[1]}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const ConvGeometry g, geometry(view));
    const auto in = view.floats(0), offsets = view.floats(1);
    const auto masks = view.has(2) ? view.floats(2) : std::vector<float>();
    const int64_t plane = g.out_plane(), taps = g.taps();
    std::vector<float> out(size_t(outputs[0].size()));
    for (int64_t i = 0; i < int64_t(out.size()); ++i) {
      const int64_t pixel = i % plane, tap = i / plane % taps, c = i / plane / taps % g.in_channels;
      const int64_t n = i / plane / taps / g.in_channels,
                    field = (n * g.group + c / g.in_group()) * taps + tap;
      const float y = float(pixel / g.out[1] * g.stride[0] - g.pad[0] + tap / g.kernel[1] * g.dilation[0]) +
                      offsets[size_t(field * 2 * plane + pixel)];
      const float x = float(pixel % g.out[1] * g.stride[1] - g.pad[1] + tap % g.kernel[1] * g.dilation[1]) +
                      offsets[size_t((field * 2 + 1) * plane + pixel)];
      const float* source = in.data() + (n * g.in_channels + c) * g.in_plane();
      const auto at = [&](double row, double column) -> double {
        if (!(row >= 0 && column >= 0 && row < double(g.in[0]) && column < double(g.in[1]))) return 0;
        return source[int64_t(row) * g.in[1] + int64_t(column)];
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
  /// `group` counts the offset groups.
  static Result<ConvGeometry> geometry(const OpView& view) {
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
    ConvGeometry g;
    g.batch = d.n;
    g.in_channels = d.c;
    g.group = node.integer("offset_group", 1);
    g.in = {d.h, d.w};
    for (size_t i = 0; i < 2; ++i) {
      constexpr int64_t kMost = int64_t{1} << 24;  // so that every product below fits
      const auto fits = [](int64_t v, int64_t least, int64_t most) { return v >= least && v <= most; };
      if (!fits(kernel[i], 1, 65535) || !fits(stride[i], 1, kMost) || !fits(dilation[i], 1, kMost) ||
          !fits(pads[i], -kMost, kMost) || !fits(pads[i + 2], -kMost, kMost)) {
        return input_error("kernel_shape, strides, dilations or pads out of range");
      }
      g.kernel[i] = kernel[i];
      g.stride[i] = stride[i];
      g.dilation[i] = dilation[i];
      g.pad[i] = pads[i];
      const int64_t room = g.in[i] + pads[i] + pads[i + 2] - (kernel[i] - 1) * dilation[i] - 1;
      if (room < 0) return input_error("a kernel larger than the padded input");
      g.out[i] = room / stride[i] + 1;
    }
    if (g.group < 1 || g.group > std::max<int64_t>(d.c, 1) || d.c % g.group != 0)
      return input_error("offset_group={}", g.group);
    const Shape offsets{d.n, g.group * g.taps() * 2, g.out[0], g.out[1]};
    const Shape masks{d.n, g.group * g.taps(), g.out[0], g.out[1]};
    if (view.shape(1) != offsets || (view.has(2) && view.shape(2) != masks)) {
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
    const auto flat = builder.reshape(builder.input(1), weights);
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
