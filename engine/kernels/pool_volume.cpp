// Pooling windows of up to three axes: geometry, CPU reference, and the kernel for all that lies in rows
// (three spatial axes, integers, MaxPool's Indices). Shader pool_volume.comp: one lane owns one output.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/pool_geometry.hpp"

namespace tarsier::kernels {

Result<std::vector<PoolAxis>> pool_axes(const OpView& view) {
  const graph::Node& node = view.node();
  if (view.rank(0) < 3) return input_error("rank {} (at least 3 is expected)", view.rank(0));
  const auto axes = size_t(view.rank(0) - 2);
  const std::vector<int64_t> ones(axes, 1), zeros(axes * 2, 0);
  const auto kernel = node.integers("kernel_shape"), stride = node.integers("strides", ones);
  const auto dilation = node.integers("dilations", ones), pads = node.integers("pads", zeros);
  const std::string auto_pad = node.text("auto_pad", "NOTSET");
  if (kernel.size() != axes || stride.size() != axes || dilation.size() != axes || pads.size() != axes * 2) {
    return input_error("kernel_shape, strides, dilations or pads do not fit rank {}", view.rank(0));
  }
  std::vector<PoolAxis> result(axes);
  for (size_t i = 0; i < axes; ++i) {
    PoolAxis& w = result[i];
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
    const bool ceil = node.integer("ceil_mode", 0) != 0;
    if (span < 0) return input_error("the window is larger than the padded input");
    w.out = (ceil ? (span + w.stride - 1) / w.stride : span / w.stride) + 1;
    // A window that would start in the padding after the input is dropped (ONNX, opset 22).
    if (ceil && (w.out - 1) * w.stride >= w.in + w.before) --w.out;
  }
  return result;
}

namespace {

/// With unit axes in front, so that there are always three.
std::array<PoolAxis, kPoolAxes> three(const std::vector<PoolAxis>& axes) {
  std::array<PoolAxis, kPoolAxes> result;
  result.fill({1, 1, 1, 0, 0, 1, 1});
  std::copy(axes.begin(), axes.end(), result.end() - int64_t(axes.size()));
  return result;
}

}  // namespace

void pool_reference(const OpView& view, PoolKind kind, const std::vector<PoolAxis>& axes,
                    std::vector<double>& values, std::vector<int64_t>* indices) {
  const auto w = three(axes);
  const graph::Node& node = view.node();
  const bool include_pad = node.integer("count_include_pad", 0) != 0;
  const bool columns = node.integer("storage_order", 0) != 0;
  const double p = kind == PoolKind::kLp ? double(node.integer("p", 2)) : 1;
  std::vector<double> in;
  if (is_float(view.dtype(0))) {
    const auto given = view.floats(0);
    in.assign(given.begin(), given.end());
  } else {
    const auto given = view.ints(0);
    in.assign(given.begin(), given.end());
  }
  const int64_t volume = w[0].in * w[1].in * w[2].in;
  const int64_t planes = view.shape(0)[0] * view.shape(0)[1];
  // One axis of the window at a time: where it meets the input, and how many taps count.
  const auto at = [](const PoolAxis& a, int64_t o, int64_t k) {
    return o * a.stride - a.before + k * a.dilation;
  };
  for (int64_t plane = 0; plane < planes; ++plane) {
    for (int64_t o = 0; o < w[0].out * w[1].out * w[2].out; ++o) {
      const int64_t oz = o / (w[1].out * w[2].out), oy = o / w[2].out % w[1].out, ox = o % w[2].out;
      double best = -std::numeric_limits<double>::infinity(), sum = 0;
      int64_t count = 0, where = 0;
      for (int64_t k = 0; k < w[0].kernel * w[1].kernel * w[2].kernel; ++k) {
        const int64_t z = at(w[0], oz, k / (w[1].kernel * w[2].kernel));
        const int64_t y = at(w[1], oy, k / w[2].kernel % w[1].kernel), x = at(w[2], ox, k % w[2].kernel);
        const auto inside = [](const PoolAxis& a, int64_t i) { return i >= 0 && i < a.in; };
        const auto padded = [](const PoolAxis& a, int64_t i) { return i < a.in + a.after; };
        const bool taken = inside(w[0], z) && inside(w[1], y) && inside(w[2], x);
        // Padding counts, what ceil_mode adds beyond it does not.
        if (taken || (include_pad && padded(w[0], z) && padded(w[1], y) && padded(w[2], x))) ++count;
        if (!taken) continue;
        const double value = in[size_t(plane * volume + (z * w[1].in + y) * w[2].in + x)];
        sum += kind == PoolKind::kLp ? std::pow(std::fabs(value), p) : value;
        if (value > best) {
          best = value;
          where = columns ? z + w[0].in * (y + w[1].in * x) : (z * w[1].in + y) * w[2].in + x;
        }
      }
      values.push_back(kind == PoolKind::kMax  ? best
                       : kind == PoolKind::kLp ? std::pow(sum, 1 / p)
                                               : sum / double(std::max<int64_t>(count, 1)));
      if (indices != nullptr) indices->push_back(plane * volume + where);
    }
  }
}

Status emit_pool_volume(Emitter& emitter, PoolKind kind, const std::vector<PoolAxis>& axes) {
  const graph::Node& node = emitter.node();
  const Operand out = emitter.output(0), indices = emitter.output(1);
  const int64_t count = graph::element_count(out.value->desc.shape);
  if (count == 0) return {};
  struct Push {
    uint64_t source, target, indices;
    uint32_t count;
    float p;
    std::array<std::array<int32_t, kPoolAxes>, 7> axes;  // the fields of PoolAxis in order
  } push{};
  const auto three_axes = three(axes);
  for (size_t i = 0; i < kPoolAxes; ++i) {
    const PoolAxis& a = three_axes[i];
    const std::array fields{a.kernel, a.stride, a.dilation, a.before, a.after, a.in, a.out};
    for (size_t field = 0; field < fields.size(); ++field) push.axes[field][i] = int32_t(fields[field]);
  }
  TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
  push.target = out.address;
  push.indices = indices.value == nullptr ? 0 : indices.address;
  push.count = uint32_t(count);
  push.p = float(node.integer("p", 2));
  const uint32_t mode = kind == PoolKind::kMax                      ? 0
                        : kind == PoolKind::kLp                     ? 3
                        : node.integer("count_include_pad", 0) != 0 ? 2
                                                                    : 1;
  emitter.dispatch("kernels/pool_volume.comp",
                   {mode, is_float(out.value->desc.dtype) ? 0U : 1U, indices.value == nullptr ? 0U : 1U,
                    node.integer("storage_order", 0) != 0 ? 1U : 0U},
                   push, flat_grid(push.count, kLocalSize));
  return {};
}

}  // namespace tarsier::kernels
