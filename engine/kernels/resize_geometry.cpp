#include "kernels/resize_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/number.hpp"

namespace tarsier::kernels {
namespace {

/// Extents and scales before coordinates are worked out.
struct Target {
  int64_t in = 0, out = 0;
  double scale = 1;
  double length = 0;          // of the output, in pixels: fractional where a scale was given
  double start = 0, end = 1;  // of the region of interest, as fractions of the input
};

bool given(const OpView& view, size_t index) {
  return view.has(index) && view.desc(index).shape != Shape{0};
}

/// The largest extent that a scale or a size may make.
constexpr double kMaxExtent = double(1 << 30);

Result<std::vector<Target>> targets(const OpView& view) {
  const graph::Node& node = view.node();
  const int64_t rank = view.rank(0);
  std::vector<int64_t> axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), int64_t{0});
  axes = node.integers("axes", axes);
  for (int64_t& axis : axes) {
    TARSIER_TRY(axis, normalize_axis(axis, rank));
  }
  const bool by_size = given(view, 3);
  if (!by_size && !given(view, 2)) return input_error("neither scales nor sizes are given");
  std::vector<float> scales;
  std::vector<int64_t> sizes;
  if (by_size) {
    TARSIER_TRY(sizes, view.constant_ints(3, "sizes"));
  } else {
    TARSIER_TRY(scales, view.constant_floats(2, "scales"));
  }
  if ((by_size ? sizes.size() : scales.size()) != axes.size()) {
    return input_error("scales or sizes do not fit rank {}", rank);
  }
  std::vector<Target> result(static_cast<size_t>(rank));
  for (size_t d = 0; d < result.size(); ++d) {
    result[d].in = result[d].out = view.shape(0)[d];
    result[d].length = double(result[d].out);
  }
  const std::string policy = node.text("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller") {
    return input_error("keep_aspect_ratio_policy={}", policy);
  }
  double common = 0;
  for (size_t i = 0; by_size && i < axes.size(); ++i) {
    const double scale = double(sizes[i]) / double(std::max<int64_t>(view.shape(0)[size_t(axes[i])], 1));
    common = i == 0 ? scale : policy == "not_larger" ? std::min(common, scale) : std::max(common, scale);
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    Target& target = result[size_t(axes[i])];
    if (by_size) {
      target.scale = double(sizes[i]) / double(std::max<int64_t>(target.in, 1));
      target.out = sizes[i];
      if (policy != "stretch") {
        target.scale = common;
        target.out = number_cast<int64_t>(std::floor(common * double(target.in) + 0.5));
      }
      if (double(target.out) > kMaxExtent) {
        return input_error("a size of {} of axis {}", target.out, axes[i]);
      }
      target.length = double(target.out);
    } else {
      target.scale = scales[i];
      if (!(target.scale > 0) || target.scale * double(target.in) > kMaxExtent) {
        return input_error("a scale of {} of axis {}", target.scale, axes[i]);
      }
      target.length = target.scale * double(target.in);
      target.out = int64_t(std::floor(target.length));
    }
    if (target.out < 0 || (target.out > 0 && target.in == 0)) {
      return input_error("axis {} of {} elements can't get {}", axes[i], target.in, target.out);
    }
    if (target.out == 0 && target.in > 0) return input_error("axis {} shrinks to nothing", axes[i]);
  }
  if (node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize") {
    TARSIER_TRY(const auto roi, view.constant_floats(1, "roi"));
    if (roi.size() != axes.size() * 2) return input_error("{} numbers of roi", roi.size());
    for (size_t i = 0; i < axes.size(); ++i) {
      result[size_t(axes[i])].start = roi[i];
      result[size_t(axes[i])].end = roi[i + axes.size()];
    }
  }
  return result;
}

/// Where output `o` lies in the input, in pixels.
Result<double> coordinate(const Target& t, const std::string& mode, int64_t o) {
  const double at = double(o), in = double(t.in);
  const bool one = t.out <= 1;
  if (mode == "half_pixel") return (at + 0.5) / t.scale - 0.5;
  if (mode == "half_pixel_symmetric") {
    // What a fractional length loses is cut off evenly on both sides.
    const double adjustment = double(t.out) / t.length;
    return in / 2 * (1 - adjustment) + (at + 0.5) / t.scale - 0.5;
  }
  if (mode == "pytorch_half_pixel") return one ? 0.0 : (at + 0.5) / t.scale - 0.5;
  // The recorded cases of ONNX divide by the fractional length that a scale asks for.
  if (mode == "align_corners") return one ? 0.0 : at * (in - 1) / (t.length - 1);
  if (mode == "asymmetric") return at / t.scale;
  if (mode == "tf_half_pixel_for_nn") return (at + 0.5) / t.scale;
  if (mode == "tf_crop_and_resize") {
    // In single precision, as the region is given: 0.3 of 5 pixels is 1.5 then, which nearest modes round.
    const auto start = float(t.start), end = float(t.end), last = float(in - 1);
    return double(one ? 0.5F * (start + end) * last
                      : start * last + float(at) * (end - start) * last / float(t.length - 1));
  }
  return input_error("coordinate_transformation_mode={}", mode);
}

Result<double> rounded(double x, const std::string& rounding) {
  if (rounding == "round_prefer_floor") return std::ceil(x - 0.5);
  if (rounding == "round_prefer_ceil") return std::floor(x + 0.5);
  if (rounding == "floor") return std::floor(x);
  if (rounding == "ceil") return std::ceil(x);
  return input_error("nearest_mode={}", rounding);
}

/// R. Keys, "Cubic convolution interpolation for digital image processing", 1981.
double cubic(double x, double a) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

}  // namespace

bool ResizeAxis::identity() const {
  if (in != out || has_outside()) return false;
  for (size_t i = 0; i < index.size(); ++i) {
    const bool own = index[i] == int32_t(i / taps);
    if (!own && weight[i] != 0) return false;
    if (taps == 1 && weight[i] != 1) return false;
  }
  return true;
}

bool ResizeAxis::has_outside() const {
  return std::find(outside.begin(), outside.end(), true) != outside.end();
}

Result<Shape> resize_shape(const OpView& view) {
  TARSIER_TRY(const auto target, targets(view));
  Shape shape;
  for (const auto& axis : target) shape.push_back(axis.out);
  return shape;
}

Result<std::vector<ResizeAxis>> resize_axes(const OpView& view) {
  const graph::Node& node = view.node();
  const std::string mode = node.text("mode", "nearest");
  const std::string transformation = node.text("coordinate_transformation_mode", "half_pixel");
  const std::string rounding = node.text("nearest_mode", "round_prefer_floor");
  const double a = node.real("cubic_coeff_a", -0.75F);
  const bool antialias = node.integer("antialias", 0) != 0;
  const bool exclude = node.integer("exclude_outside", 0) != 0;
  if (mode != "nearest" && mode != "linear" && mode != "cubic") return input_error("mode={}", mode);
  TARSIER_TRY(const auto target, targets(view));
  std::vector<ResizeAxis> axes;
  for (const Target& t : target) {
    ResizeAxis axis;
    axis.in = t.in;
    axis.out = t.out;
    // A filter that antialiases is as much wider as the picture gets smaller.
    const double filter = antialias ? std::min(t.scale, 1.0) : 1.0;
    const double support = mode == "cubic" ? 2 : 1;
    // Nothing has a scale where there is nothing.
    const auto half = mode == "nearest" || t.out == 0 ? int64_t{1} : int64_t(std::ceil(support / filter));
    const bool still = t.in == t.out && t.scale == 1 && t.start == 0 && t.end == 1 &&
                       transformation != "tf_half_pixel_for_nn";
    axis.taps = mode == "nearest" || still ? 1 : size_t(half * 2);
    if (double(axis.taps) * double(t.out) > kMaxExtent / 64) return input_error("a filter of too many taps");
    for (int64_t o = 0; o < t.out; ++o) {
      if (still) {
        axis.index.push_back(int32_t(o));
        axis.weight.push_back(1);
        axis.outside.push_back(false);
        continue;
      }
      TARSIER_TRY(const double x, coordinate(t, transformation, o));
      axis.outside.push_back(transformation == "tf_crop_and_resize" && (x < 0 || x > double(t.in - 1)));
      const auto clamped = [&](double at) {
        return number_cast<int32_t>(std::clamp(at, 0.0, double(t.in - 1)));
      };
      if (mode == "nearest") {
        TARSIER_TRY(const double at, rounded(x, rounding));
        axis.index.push_back(clamped(at));
        axis.weight.push_back(1);
        continue;
      }
      const double floor = std::floor(x);
      std::vector<double> weights;
      double sum = 0;
      for (int64_t k = 1 - half; k <= half; ++k) {
        const double at = floor + double(k), distance = (at - x) * filter;
        double weight = mode == "cubic" ? cubic(distance, a) : std::max(0.0, 1 - std::fabs(distance));
        if (exclude && (at < 0 || at > double(t.in - 1))) weight = 0;
        weights.push_back(weight);
        sum += weight;
        axis.index.push_back(clamped(at));
      }
      const bool normalised = antialias || exclude;
      for (const double weight : weights) {
        axis.weight.push_back(float(normalised && sum != 0 ? weight / sum : weight));
      }
    }
    axes.push_back(std::move(axis));
  }
  return axes;
}

}  // namespace tarsier::kernels
