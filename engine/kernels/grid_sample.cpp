// GridSample (ONNX opset 16 to 22) of pictures and volumes, AffineGrid. Pictures lie in channel groups
// (shader grid_sample.comp: a lane takes up to four groups of one output pixel, which share its taps),
// volumes and what is not real in rows (grid_sample_volume.comp).
#include <algorithm>
#include <cmath>

#include "core/number.hpp"
#include "graph/passes/evaluate.hpp"
#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

enum class Interpolation : uint32_t { kNearest, kLinear, kCubic };
enum class Border : uint32_t { kZeros, kClamp, kReflect };

struct SampleMode {
  Interpolation interpolation = Interpolation::kLinear;
  Border border = Border::kZeros;
  bool align_corners = false;
};

Result<SampleMode> sample_mode(const graph::Node& node) {
  SampleMode mode;
  const std::string name = node.text("mode", "linear");  // opset 16 said bilinear and bicubic
  if (name == "nearest") {
    mode.interpolation = Interpolation::kNearest;
  } else if (name == "cubic" || name == "bicubic") {
    mode.interpolation = Interpolation::kCubic;
  } else if (name != "linear" && name != "bilinear") {
    return input_error("mode={}", name);
  }
  const std::string border = node.text("padding_mode", "zeros");
  if (border == "border") {
    mode.border = Border::kClamp;
  } else if (border == "reflection") {
    mode.border = Border::kReflect;
  } else if (border != "zeros") {
    return input_error("padding_mode={}", border);
  }
  mode.align_corners = node.integer("align_corners", 0) != 0;
  return mode;
}

/// Reflects x at `low` and `high` until it lies between.
double reflect(double x, double low, double high) {
  const double range = high - low;
  if (range <= 0) return low;
  double from = std::fabs(x - low);
  const double turns = std::floor(from / range);
  from -= turns * range;
  return std::fmod(turns, 2.0) == 0 ? low + from : high - from;
}

/// One axis: the first of its taps and their weights.
struct AxisTaps {
  int64_t first = 0;
  std::vector<double> weight;
};

double in_pixels(double x, int64_t extent, bool align_corners) {
  return align_corners ? (x + 1) / 2 * double(extent - 1) : ((x + 1) * double(extent) - 1) / 2;
}

AxisTaps axis_taps(double x, int64_t extent, const SampleMode& mode) {
  const double low = mode.align_corners ? 0 : -0.5;
  const double high = mode.align_corners ? double(extent - 1) : double(extent) - 0.5;
  x = in_pixels(x, extent, mode.align_corners);
  // Far outside, a finite number still has to become an index.
  if (!std::isfinite(x)) x = -1e9;
  x = std::clamp(x, -1e9, 1e9);
  if (mode.interpolation == Interpolation::kNearest) {
    if (mode.border == Border::kClamp) x = std::clamp(x, 0.0, double(extent - 1));
    if (mode.border == Border::kReflect) x = reflect(x, low, high);
    return {int64_t(std::nearbyint(x)), {1.0}};
  }
  if (mode.interpolation == Interpolation::kLinear) {
    if (mode.border == Border::kClamp) x = std::clamp(x, 0.0, double(extent - 1));
    if (mode.border == Border::kReflect) x = reflect(x, low, high);
    const double floor = std::floor(x);
    return {int64_t(floor), {1 - (x - floor), x - floor}};
  }
  // Cubic convolution (Keys 1981) with a = -0.75, as ONNX has it; borders are those of the taps.
  constexpr double a = -0.75;
  const double floor = std::floor(x), r = x - floor, s = 1 - r;
  const auto near = [](double t) { return ((a + 2) * t - (a + 3)) * t * t + 1; };
  const auto far = [](double t) { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; };
  return {int64_t(floor) - 1, {far(r + 1), near(r), near(s), far(s + 1)}};
}

/// The element that tap `i` of an axis reads; -1 for zero.
int64_t tap_index(int64_t i, int64_t extent, const SampleMode& mode) {
  if (i >= 0 && i < extent) return i;
  if (mode.border == Border::kZeros) return -1;
  if (mode.border == Border::kReflect) {
    const double low = mode.align_corners ? 0 : -0.5;
    const double high = mode.align_corners ? double(extent - 1) : double(extent) - 0.5;
    i = int64_t(reflect(double(i), low, high));
  }
  return std::clamp<int64_t>(i, 0, extent - 1);
}

class GridSample : public Operator {
 public:
  GridSample() : Operator("GridSample", 2, 2) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = all_layouts(node, Layout::kLinear);
    if (can_be_c4(graph.value(node.inputs[0]).desc)) {
      choice.inputs[0] = Layout::kC4;
      choice.outputs[0] = Layout::kC4;
    }
    return choice;
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const SampleMode mode, sample_mode(view.node()));
    const Shape &from = view.shape(0), &to = out.value->desc.shape;
    if (graph::element_count(to) == 0) return {};
    TARSIER_TRY(const uint64_t source,
                input_address(emitter, 0, out.value->layout, half_flag(*in.value) != 0));
    TARSIER_TRY(const uint64_t grid, input_address(emitter, 1, Layout::kLinear, false));
    const auto interpolation = uint32_t(mode.interpolation), border = uint32_t(mode.border);
    const uint32_t align = mode.align_corners ? 1 : 0;
    if (is_c4(out)) {
      const Nchw a(from), b(to);
      struct Push {
        uint64_t source, grid, target;
        uint32_t count, groups;  // pixels of an output plane
        int32_t in_h, in_w;
      } push{source,       grid,        out.address, uint32_t(b.plane()), uint32_t(b.groups()),
             int32_t(a.h), int32_t(a.w)};
      const uint32_t blocks = (push.groups + 3) / 4;
      emitter.dispatch("kernels/grid_sample.comp",
                       {interpolation, border, align, half_flag(*in.value), half_flag(*out.value)}, push,
                       {(push.count + kLocalSize - 1) / kLocalSize, uint32_t(b.n) * blocks, 1});
      return {};
    }
    const bool volume = from.size() == 5;
    struct Push {
      uint64_t source, grid, target;
      uint32_t count, channels, plane;  // elements of the output, of one of its channels
      int32_t in_d, in_h, in_w;
    } push{source,
           grid,
           out.address,
           uint32_t(graph::element_count(to)),
           uint32_t(to[1]),
           uint32_t(graph::element_count(to) / (to[0] * to[1])),
           volume ? int32_t(from[2]) : 1,
           int32_t(from[from.size() - 2]),
           int32_t(from[from.size() - 1])};
    emitter.dispatch("kernels/grid_sample_volume.comp",
                     {interpolation, border, align, volume ? 3U : 2U, is_float(view.dtype(0)) ? 0U : 1U},
                     push, flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    const Shape &x = view.shape(0), &grid = view.shape(1);
    if (x.size() != 4 && x.size() != 5) return input_error("rank {} (4 or 5)", x.size());
    if (grid.size() != x.size() || grid[0] != x[0] || grid.back() != int64_t(x.size()) - 2) {
      return input_error("a grid of {} does not fit {}", graph::to_string(grid), graph::to_string(x));
    }
    if (!is_float(view.dtype(1))) return input_error("a grid of integers");
    Shape shape{x[0], x[1]};
    shape.insert(shape.end(), grid.begin() + 1, grid.end() - 1);
    if (graph::element_count(shape) > 0 && graph::element_count(x) == 0)
      return input_error("an empty picture");
    return std::vector{TensorDesc{view.dtype(0), std::move(shape)}};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    TARSIER_TRY(const SampleMode mode, sample_mode(view.node()));
    if (!is_float(view.dtype(0)) && mode.interpolation != Interpolation::kNearest) {
      return input_error("element type {} with interpolation", graph::name_of(view.dtype(0)));
    }
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const SampleMode mode, sample_mode(view.node()));
    const Shape &from = view.shape(0), to = outputs[0].shape();
    const size_t axes = from.size() - 2;
    const auto in = view.floats(0), grid = view.floats(1);
    std::vector<float> out(size_t(outputs[0].size()));
    const int64_t plane = to[0] * to[1] == 0 ? 0 : int64_t(out.size()) / (to[0] * to[1]);
    const auto strides = strides_of(from);
    for (int64_t i = 0; i < int64_t(out.size()); ++i) {
      const int64_t n = i / plane / to[1], c = i / plane % to[1], pixel = i % plane;
      std::vector<AxisTaps> taps;  // of axis d: grid coordinate axes - 1 - d (x comes first)
      int64_t count = 1;
      for (size_t d = 0; d < axes; ++d) {
        const double x = grid[size_t((n * plane + pixel) * int64_t(axes)) + axes - 1 - d];
        taps.push_back(axis_taps(x, from[d + 2], mode));
        count *= int64_t(taps.back().weight.size());
      }
      double sum = 0;
      for (int64_t k = 0; k < count; ++k) {
        int64_t rest = k, at = n * strides[0] + c * strides[1];
        double weight = 1;
        for (size_t d = axes; d-- > 0;) {
          const auto size = int64_t(taps[d].weight.size());
          const int64_t index = tap_index(taps[d].first + rest % size, from[d + 2], mode);
          weight *= index < 0 ? 0 : taps[d].weight[size_t(rest % size)];
          at += std::max<int64_t>(index, 0) * strides[d + 2];
          rest /= size;
        }
        if (weight != 0) sum += weight * in[size_t(at)];
      }
      out[size_t(i)] = float(sum);
    }
    store(outputs[0], out);
    return {};
  }
};

/// Inputs theta [N, d, d + 1] and size (N, C, extents of the output): the grid of an affine transformation,
/// for GridSample. The grid of the identity is a constant, which theta multiplies.
class AffineGrid : public Composite {
 public:
  AffineGrid() : Composite("AffineGrid", 2, 2) { needs_values({1}); }

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const auto size = builder.data(1)->to_ints();
    const Shape& theta = builder.shape(0);
    if (size.size() != 4 && size.size() != 5) return input_error("a size of {} extents", size.size());
    const auto axes = int64_t(size.size()) - 2;
    if (theta != Shape{size[0], axes, axes + 1}) {
      return input_error("theta {} does not fit the size", graph::to_string(theta));
    }
    const bool align = builder.node().integer("align_corners", 0) != 0;
    int64_t pixels = 1;
    for (size_t d = 2; d < size.size(); ++d) {
      pixels = saturated_product(pixels, size[d]);
      if (size[d] < 1 || pixels > graph::kMostMade / (axes + 1))
        return input_error("a grid of size {} is out of range", graph::to_string(size));
    }
    // Homogeneous coordinates of each pixel, x first.
    std::vector<float> base(size_t(pixels * (axes + 1)), 1.0F);
    for (int64_t p = 0; p < pixels; ++p) {
      int64_t rest = p;
      for (int64_t d = axes; d-- > 0;) {
        const int64_t extent = size[size_t(d + 2)], at = rest % extent;
        rest /= extent;
        base[size_t(p * (axes + 1) + (axes - 1 - d))] =
            align ? (extent > 1 ? float(-1 + 2 * double(at) / double(extent - 1)) : -1.0F)
                  : float((2 * double(at) + 1) / double(extent) - 1);
      }
    }
    const auto points = builder.constant(Tensor::f32({1, pixels, axes + 1}, base));
    const auto turned = builder.transpose(builder.input(0), {0, 2, 1});
    Shape shape{size[0]};
    shape.insert(shape.end(), size.begin() + 2, size.end());
    shape.push_back(axes);
    builder.set_output(0, builder.reshape(builder.add("MatMul", {points, turned}), shape));
    return {};
  }
};

}  // namespace

void register_grid_sample(Registry& registry) {
  registry.add(std::make_unique<GridSample>());
  registry.add(std::make_unique<AffineGrid>());
}

}  // namespace tarsier::kernels
