// RoiAlign (He et al., "Mask R-CNN", 2017) and MaxRoiPool (Girshick, "Fast R-CNN", 2015). Shaders
// roi_align.comp and max_roi_pool.comp: one lane owns one output.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/number.hpp"
#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Attributes that both operators have.
struct Pooled {
  int64_t height = 1, width = 1;
  float scale = 1;
};

Status check_pooled(const Pooled& pooled) {
  constexpr int64_t kMost = 1 << 14;
  if (pooled.height < 1 || pooled.width < 1 || pooled.height > kMost || pooled.width > kMost) {
    return input_error("an output of {} x {}", pooled.height, pooled.width);
  }
  return {};
}

/// Sampling points of a bin along an axis.
constexpr float kMostPoints = 16384;

/// What both shaders take.
struct Push {
  uint64_t source, rois, batches, target;
  uint32_t count;
  int32_t images, channels, in_h, in_w, out_h, out_w;
  float scale;
  int32_t sampling;
};

Push push_of(const OpView& view, const Pooled& pooled, int64_t rois) {
  const Nchw d(view.shape(0));
  Push push{};
  push.count = uint32_t(rois * d.c * pooled.height * pooled.width);
  push.images = int32_t(d.n);
  push.channels = int32_t(d.c);
  push.in_h = int32_t(d.h);
  push.in_w = int32_t(d.w);
  push.out_h = int32_t(pooled.height);
  push.out_w = int32_t(pooled.width);
  push.scale = pooled.scale;
  return push;
}

/// The sampling points start + (i + 0.5) * step, i below count, that can lie within a pixel of an axis: a
/// region far larger than the picture must not be walked for minutes. The rest counts as zeros.
std::array<int64_t, 2> inner_points(float start, float step, int64_t count, int64_t extent) {
  if (!(step > 0)) return {0, count};
  const auto bounded = [&](float x) { return int64_t(std::clamp(x, 0.0F, float(count))); };
  return {bounded(std::floor((-1 - start) / step) - 1),
          bounded(std::ceil((float(extent) - start) / step) + 1)};
}

/// Inputs X, rois [R, 4] (x1, y1, x2, y2) and batch_indices [R].
class RoiAlign : public Operator {
 public:
  RoiAlign() : Operator("RoiAlign", 3, 3) {}

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Mode mode, mode_of(view));
    Push push = push_of(view, mode.pooled, view.shape(1)[0]);
    if (push.count == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(push.rois, input_address(emitter, 1, Layout::kLinear, false));
    TARSIER_TRY(push.batches, input_address(emitter, 2, Layout::kLinear, false));
    push.target = emitter.output(0).address;
    push.sampling = int32_t(mode.sampling);
    emitter.dispatch("kernels/roi_align.comp", {mode.maximum ? 1U : 0U, mode.half_pixel ? 1U : 0U}, push,
                     flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Mode mode, mode_of(view));
    if (view.rank(0) != 4 || view.rank(1) != 2 || view.shape(1)[1] != 4 ||
        view.shape(2) != Shape{view.shape(1)[0]} || is_float(view.dtype(2))) {
      return input_error("regions {} and batch indices {} for {}", graph::to_string(view.shape(1)),
                         graph::to_string(view.shape(2)), graph::to_string(view.shape(0)));
    }
    const Nchw d(view.shape(0));
    if (d.n * d.plane() == 0 && view.shape(1)[0] > 0) return input_error("an empty picture");
    return std::vector{
        TensorDesc{view.dtype(0), {view.shape(1)[0], d.c, mode.pooled.height, mode.pooled.width}}};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Mode mode, mode_of(view));
    const Nchw d(view.shape(0));
    const auto in = view.floats(0), rois = view.floats(1);
    const auto batches = view.ints(2);
    const int64_t oh = mode.pooled.height, ow = mode.pooled.width;
    std::vector<float> out;
    for (size_t r = 0; r < batches.size(); ++r) {
      if (batches[r] < 0 || batches[r] >= d.n) return input_error("batch index {} of {}", batches[r], d.n);
      const float shift = mode.half_pixel ? 0.5F : 0.0F;
      const float x0 = rois[r * 4] * mode.pooled.scale - shift,
                  y0 = rois[r * 4 + 1] * mode.pooled.scale - shift;
      float width = rois[r * 4 + 2] * mode.pooled.scale - shift - x0;
      float height = rois[r * 4 + 3] * mode.pooled.scale - shift - y0;
      if (!mode.half_pixel) {
        width = std::max(width, 1.0F);
        height = std::max(height, 1.0F);
      }
      const float bin_w = width / float(ow), bin_h = height / float(oh);
      const auto points = [&](float bin) {
        if (mode.sampling > 0) return mode.sampling;
        return bin > 0 ? int64_t(std::min(std::ceil(bin), kMostPoints)) : 0;
      };
      const int64_t ny = points(bin_h), nx = points(bin_w);
      for (int64_t c = 0; c < d.c; ++c) {
        const float* plane = in.data() + (batches[r] * d.c + c) * d.plane();
        for (int64_t o = 0; o < oh * ow; ++o) {
          const float top = y0 + float(o / ow) * bin_h, left = x0 + float(o % ow) * bin_w;
          const auto rows = inner_points(top, bin_h / float(ny), ny, d.h);
          const auto columns = inner_points(left, bin_w / float(nx), nx, d.w);
          const bool all = rows == std::array{int64_t{0}, ny} && columns == std::array{int64_t{0}, nx};
          float sum = 0, best = all && nx * ny > 0 ? -std::numeric_limits<float>::infinity() : 0.0F;
          for (int64_t sy = rows[0]; sy < rows[1]; ++sy) {
            const float y = top + (float(sy) + 0.5F) * bin_h / float(ny);
            for (int64_t sx = columns[0]; sx < columns[1]; ++sx) {
              const float x = left + (float(sx) + 0.5F) * bin_w / float(nx);
              for (const float tap : corners(plane, d, y, x)) {
                sum += tap;
                best = std::max(best, tap);
              }
            }
          }
          out.push_back(mode.maximum ? best : sum / float(std::max<int64_t>(ny * nx, 1)));
        }
      }
    }
    store(outputs[0], out);
    return {};
  }

 private:
  struct Mode {
    Pooled pooled;
    int64_t sampling = 0;  // points of a bin along an axis; 0: as many as it has pixels
    bool maximum = false, half_pixel = true;
  };
  static Result<Mode> mode_of(const OpView& view) {
    const graph::Node& node = view.node();
    Mode mode;
    mode.pooled = {node.integer("output_height", 1), node.integer("output_width", 1),
                   node.real("spatial_scale", 1)};
    TARSIER_CHECK(check_pooled(mode.pooled));
    mode.sampling = node.integer("sampling_ratio", 0);
    if (mode.sampling < 0 || mode.sampling > 1024) return input_error("sampling_ratio={}", mode.sampling);
    const std::string kind = node.text("mode", "avg");
    if (kind != "avg" && kind != "max") return input_error("mode={}", kind);
    mode.maximum = kind == "max";
    const std::string coordinates = node.text("coordinate_transformation_mode", "half_pixel");
    if (coordinates != "half_pixel" && coordinates != "output_half_pixel") {
      return input_error("coordinate_transformation_mode={}", coordinates);
    }
    mode.half_pixel = coordinates == "half_pixel";
    return mode;
  }
  /// The four neighbours of a point, each times its weight; zero more than a pixel outside of the picture.
  /// The maximum is taken of them, as ONNX does, not of their sums.
  static std::array<float, 4> corners(const float* plane, const Nchw& d, float y, float x) {
    if (!(y >= -1 && y <= float(d.h) && x >= -1 && x <= float(d.w))) return {};
    y = std::clamp(y, 0.0F, float(d.h - 1));
    x = std::clamp(x, 0.0F, float(d.w - 1));
    const auto y0 = int64_t(y), x0 = int64_t(x);
    const int64_t y1 = std::min(y0 + 1, d.h - 1), x1 = std::min(x0 + 1, d.w - 1);
    const float down = y - float(y0), across = x - float(x0);
    return {plane[y0 * d.w + x0] * (1 - down) * (1 - across), plane[y0 * d.w + x1] * (1 - down) * across,
            plane[y1 * d.w + x0] * down * (1 - across), plane[y1 * d.w + x1] * down * across};
  }
};

/// Inputs X and rois [R, 5] (image, x1, y1, x2, y2).
class MaxRoiPool : public Operator {
 public:
  MaxRoiPool() : Operator("MaxRoiPool", 2, 2) {}

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Pooled pooled, pooled_of(view));
    Push push = push_of(view, pooled, view.shape(1)[0]);
    if (push.count == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(push.rois, input_address(emitter, 1, Layout::kLinear, false));
    push.target = emitter.output(0).address;
    emitter.dispatch("kernels/max_roi_pool.comp", {}, push, flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Pooled pooled, pooled_of(view));
    if (view.rank(0) != 4 || view.rank(1) != 2 || view.shape(1)[1] != 5) {
      return input_error("regions {} for {}", graph::to_string(view.shape(1)),
                         graph::to_string(view.shape(0)));
    }
    const Nchw d(view.shape(0));
    if (d.n * d.plane() == 0 && view.shape(1)[0] > 0) return input_error("an empty picture");
    return std::vector{TensorDesc{view.dtype(0), {view.shape(1)[0], d.c, pooled.height, pooled.width}}};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Pooled pooled, pooled_of(view));
    const Nchw d(view.shape(0));
    const auto in = view.floats(0), rois = view.floats(1);
    std::vector<float> out;
    for (int64_t r = 0; r < view.shape(1)[0]; ++r) {
      const auto corner = [&](int64_t i) {
        // Sums of what lies far outside of any picture must not overflow.
        return number_cast<int64_t>(
            std::clamp(std::round(rois[size_t(r * 5 + i)] * pooled.scale), -1e9F, 1e9F));
      };
      const auto image = number_cast<int64_t>(rois[size_t(r * 5)]);
      if (image < 0 || image >= d.n) return input_error("image {} of {}", image, d.n);
      const int64_t x0 = corner(1), y0 = corner(2);
      const auto bin_w = float(std::max<int64_t>(corner(3) - x0 + 1, 1)) / float(pooled.width);
      const auto bin_h = float(std::max<int64_t>(corner(4) - y0 + 1, 1)) / float(pooled.height);
      for (int64_t c = 0; c < d.c; ++c) {
        for (int64_t o = 0; o < pooled.height * pooled.width; ++o) {
          const int64_t py = o / pooled.width, px = o % pooled.width;
          const auto edge = [](float at, int64_t start, int64_t limit) {
            return std::clamp<int64_t>(int64_t(at) + start, 0, limit);
          };
          const int64_t top = edge(std::floor(float(py) * bin_h), y0, d.h);
          const int64_t bottom = edge(std::ceil(float(py + 1) * bin_h), y0, d.h);
          const int64_t left = edge(std::floor(float(px) * bin_w), x0, d.w);
          const int64_t right = edge(std::ceil(float(px + 1) * bin_w), x0, d.w);
          float best = top < bottom && left < right ? -std::numeric_limits<float>::infinity() : 0.0F;
          for (int64_t y = top; y < bottom; ++y) {
            for (int64_t x = left; x < right; ++x) {
              best = std::max(best, in[size_t(((image * d.c + c) * d.h + y) * d.w + x)]);
            }
          }
          out.push_back(best);
        }
      }
    }
    store(outputs[0], out);
    return {};
  }

 private:
  static Result<Pooled> pooled_of(const OpView& view) {
    const auto shape = view.node().integers("pooled_shape");
    if (shape.size() != 2) return input_error("pooled_shape={}", graph::to_string(shape));
    const Pooled pooled{shape[0], shape[1], view.node().real("spatial_scale", 1)};
    TARSIER_CHECK(check_pooled(pooled));
    return pooled;
  }
};

}  // namespace

void register_roi(Registry& registry) {
  registry.add(std::make_unique<RoiAlign>());
  registry.add(std::make_unique<MaxRoiPool>());
}

}  // namespace tarsier::kernels
