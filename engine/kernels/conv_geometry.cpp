#include "kernels/conv_geometry.hpp"

#include <algorithm>

namespace tarsier::kernels {
namespace {

constexpr int64_t kMaxExtent = int64_t{1} << 24;  // so that every product below fits

Result<std::vector<int64_t>> spatial(const graph::Node& node, std::string_view key, size_t count,
                                     int64_t fallback, int64_t lowest) {
  auto values = node.integers(key, std::vector<int64_t>(count, fallback));
  if (values.size() != count) {
    return input_error("attribute '{}' has {} values, {} are expected", key, values.size(), count);
  }
  for (const int64_t v : values) {
    if (v < lowest || v > kMaxExtent) return input_error("attribute '{}' holds {}", key, v);
  }
  return values;
}

/// Puts per-axis values into the {y, x} pair of a 1-D or 2-D convolution.
void assign(ConvGeometry::Pair& pair, const std::vector<int64_t>& values, size_t axes, int64_t missing) {
  pair = axes == 1 ? ConvGeometry::Pair{missing, values[0]} : ConvGeometry::Pair{values[0], values[1]};
}

Status channels(const OpView& view, ConvGeometry& g) {
  const Shape &x = view.shape(0), &w = view.shape(1);
  g.group = view.node().integer("group", 1);
  g.batch = x[0];
  g.in_channels = x[1];
  if (g.group < 1 || g.in_channels % g.group != 0) {
    return input_error("{} input channels do not divide into {} groups", g.in_channels, g.group);
  }
  if (g.transposed) {
    g.out_channels = w[1] * g.group;
    if (w[0] != g.in_channels) {
      return input_error("weights {} do not fit input {}", graph::to_string(w), graph::to_string(x));
    }
  } else {
    g.out_channels = w[0];
    if (w[1] != g.in_group() || g.out_channels % g.group != 0) {
      return input_error("weights {} do not fit input {} with group={}", graph::to_string(w),
                         graph::to_string(x), g.group);
    }
  }
  if (view.has(2) && (view.rank(2) != 1 || view.shape(2)[0] != g.out_channels)) {
    return input_error("bias {} does not fit {} output channels", graph::to_string(view.shape(2)),
                       g.out_channels);
  }
  return {};
}

struct Padding {
  std::vector<int64_t> given;  // attribute pads: all begins, then all ends
  std::string automatic;       // attribute auto_pad
};

/// Output extent and front padding of a convolution along one axis.
Status forward_axis(ConvGeometry& g, size_t d, int64_t begin, int64_t end, const std::string& automatic) {
  const int64_t reach = (g.kernel[d] - 1) * g.dilation[d] + 1;
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    g.out[d] = (g.in[d] + g.stride[d] - 1) / g.stride[d];
    const int64_t total = std::max<int64_t>(0, (g.out[d] - 1) * g.stride[d] + reach - g.in[d]);
    g.pad[d] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
    return {};
  }
  g.pad[d] = begin;
  const int64_t room = g.in[d] + begin + end - reach;
  if (room < 0) {
    return input_error("a kernel that reaches over {} does not fit an input of {} with pads {} and {}", reach,
                       g.in[d], begin, end);
  }
  g.out[d] = room / g.stride[d] + 1;
  return {};
}

/// The same for a transposed convolution; `wanted` is output_shape (-1 for not given).
Status transposed_axis(ConvGeometry& g, size_t d, int64_t begin, int64_t end, int64_t output_padding,
                       int64_t wanted, const std::string& automatic) {
  const int64_t reach = (g.kernel[d] - 1) * g.dilation[d] + 1;
  const int64_t full = (g.in[d] - 1) * g.stride[d] + output_padding + reach;
  const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (same && wanted < 0) wanted = g.in[d] * g.stride[d];
  if (wanted >= 0) {
    const int64_t total = std::max<int64_t>(0, full - wanted);
    g.out[d] = wanted;
    // ONNX gives the odd pixel to the end for SAME_UPPER, to the front otherwise.
    g.pad[d] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
  } else {
    g.out[d] = full - begin - end;
    g.pad[d] = begin;
  }
  if (g.out[d] < 1) return input_error("the output would have an extent of {}", g.out[d]);
  return {};
}

}  // namespace

Shape ConvGeometry::output_shape() const {
  if (rank == 3) return {batch, out_channels, out[1]};
  return {batch, out_channels, out[0], out[1]};
}

Result<ConvGeometry> conv_geometry(const OpView& view, bool transposed) {
  ConvGeometry g;
  g.transposed = transposed;
  g.rank = view.rank(0);
  if (g.rank != 3 && g.rank != 4) {
    return input_error("convolution of rank-{} activations (1-D and 2-D are there)", g.rank);
  }
  if (view.rank(1) != g.rank) {
    return input_error("weights {} do not fit input {}", graph::to_string(view.shape(1)),
                       graph::to_string(view.shape(0)));
  }
  for (size_t i = 0; i < 2; ++i) {
    for (const int64_t extent : view.shape(i)) {
      if (extent < 1 || extent > kMaxExtent) {
        return input_error("input {} is {}", i, graph::to_string(view.shape(i)));
      }
    }
    if (!is_float(view.dtype(i))) {
      return input_error("convolution of {}", graph::name_of(view.dtype(i)));
    }
  }
  TARSIER_CHECK(channels(view, g));

  const graph::Node& node = view.node();
  const auto axes = size_t(g.rank - 2);
  const Shape &x = view.shape(0), &w = view.shape(1);
  assign(g.in, {x.begin() + 2, x.end()}, axes, 1);
  assign(g.kernel, {w.begin() + 2, w.end()}, axes, 1);
  TARSIER_TRY(const auto stride, spatial(node, "strides", axes, 1, 1));
  TARSIER_TRY(const auto dilation, spatial(node, "dilations", axes, 1, 1));
  TARSIER_TRY(const auto pads, spatial(node, "pads", 2 * axes, 0, -kMaxExtent));
  TARSIER_TRY(const auto output_padding, spatial(node, "output_padding", axes, 0, 0));
  TARSIER_TRY(const auto wanted, spatial(node, "output_shape", axes, -1, -1));
  assign(g.stride, stride, axes, 1);
  assign(g.dilation, dilation, axes, 1);
  if (const auto given = node.integers("kernel_shape");
      !given.empty() && given != std::vector<int64_t>(w.begin() + 2, w.end())) {
    return input_error("kernel_shape {} contradicts weights {}", graph::to_string(given),
                       graph::to_string(w));
  }
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic != "NOTSET" && automatic != "VALID" && automatic != "SAME_UPPER" &&
      automatic != "SAME_LOWER") {
    return input_error("auto_pad={}", automatic);
  }
  for (size_t axis = 0; axis < axes; ++axis) {
    const size_t d = axis + 2 - axes;
    const int64_t begin = automatic == "VALID" ? 0 : pads[axis];
    const int64_t end = automatic == "VALID" ? 0 : pads[axes + axis];
    TARSIER_CHECK(transposed
                      ? transposed_axis(g, d, begin, end, output_padding[axis], wanted[axis], automatic)
                      : forward_axis(g, d, begin, end, automatic));
  }
  return g;
}

namespace {

/// First and last + 1 of the indices i in [0, count) with 0 <= i * step + shift < limit.
std::pair<int64_t, int64_t> valid_range(int64_t count, int64_t step, int64_t shift, int64_t limit) {
  const int64_t first = shift >= 0 ? 0 : (-shift + step - 1) / step;
  const int64_t last = limit - 1 - shift < 0 ? 0 : (limit - 1 - shift) / step + 1;
  return {std::min(first, count), std::clamp(last, std::min(first, count), count)};
}

/// Adds weight * input plane, seen through one tap, to an output plane.
void add_tap(const ConvGeometry& g, const float* in, float* out, float weight, int64_t ky, int64_t kx) {
  const int64_t shift_y = ky * g.dilation[0] - g.pad[0], shift_x = kx * g.dilation[1] - g.pad[1];
  // A transposed convolution walks the input and scatters: the same index map with the sides exchanged.
  const auto& walked = g.transposed ? g.in : g.out;
  const auto& mapped = g.transposed ? g.out : g.in;
  const auto [y0, y1] = valid_range(walked[0], g.stride[0], shift_y, mapped[0]);
  const auto [x0, x1] = valid_range(walked[1], g.stride[1], shift_x, mapped[1]);
  for (int64_t y = y0; y < y1; ++y) {
    const int64_t mapped_row = (y * g.stride[0] + shift_y) * mapped[1] + shift_x;
    if (g.transposed) {
      const float* from = in + y * g.in[1];
      for (int64_t x = x0; x < x1; ++x) out[mapped_row + x * g.stride[1]] += weight * from[x];
    } else {
      float* to = out + y * g.out[1];
      if (g.stride[1] == 1) {
        for (int64_t x = x0; x < x1; ++x) to[x] += weight * in[mapped_row + x];
      } else {
        for (int64_t x = x0; x < x1; ++x) to[x] += weight * in[mapped_row + x * g.stride[1]];
      }
    }
  }
}

}  // namespace

std::vector<float> convolve(const ConvGeometry& g, const std::vector<float>& input,
                            const std::vector<float>& weights, const std::vector<float>& bias) {
  std::vector<float> output(size_t(g.batch * g.out_channels * g.out_plane()), 0.0F);
  for (int64_t n = 0; n < g.batch; ++n) {
    for (int64_t o = 0; o < g.out_channels; ++o) {
      float* out = output.data() + (n * g.out_channels + o) * g.out_plane();
      if (!bias.empty()) std::fill_n(out, g.out_plane(), bias[size_t(o)]);
      const int64_t first = o / g.out_group() * g.in_group();
      for (int64_t i = 0; i < g.in_group(); ++i) {
        const float* in = input.data() + (n * g.in_channels + first + i) * g.in_plane();
        const int64_t filter =
            g.transposed ? (first + i) * g.out_group() + o % g.out_group() : o * g.in_group() + i;
        for (int64_t tap = 0; tap < g.taps(); ++tap) {
          const float weight = weights[size_t(filter * g.taps() + tap)];
          add_tap(g, in, out, weight, tap / g.kernel[1], tap % g.kernel[1]);
        }
      }
    }
  }
  return output;
}

}  // namespace tarsier::kernels
