#include "infer/probe.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace tarsier::infer {

using graph::Graph;
using graph::Shape;
using graph::Tensor;
using graph::TensorDesc;
using graph::ValueId;

namespace {

/// Where the numbers of a picture lie in a tensor.
struct PictureView {
  int64_t count = 0, height = 0, width = 0, channels = 0;
  int64_t image_stride = 0, pixel_stride = 0, channel_stride = 0;

  static PictureView of(const TensorDesc& desc) {
    const auto is_colour = [](int64_t extent) { return extent == 1 || extent == 3 || extent == 4; };
    const Shape& s = desc.shape;
    if (desc.dtype != graph::DType::kF32 || s.size() != 4 || graph::element_count(s) == 0) return {};
    const int64_t image = s[1] * s[2] * s[3];
    if (is_colour(s[3])) return {s[0], s[1], s[2], s[3], image, s[3], 1};
    if (is_colour(s[1])) return {s[0], s[2], s[3], s[1], image, 1, s[2] * s[3]};
    return {};
  }
};

class Painter {
 public:
  Painter(const PictureView& view, uint32_t seed, float low, float high)
      : view_(view), generator_(seed), low_(low), high_(high) {}

  /// Front to back, so that every pixel is written once.
  void paint(float* image) {
    std::vector<bool> covered(size_t(view_.width * view_.height));
    auto left = int64_t(covered.size());
    // Each disc leaves the same share of what was open; the last pixels of a large picture may stay mid-grey.
    constexpr int kMostDiscs = 1'000'000;
    for (int n = 0; n < kMostDiscs && left > 0; ++n) left -= add_disc(image, covered);
  }

 private:
  // Not uniform_real_distribution: standard libraries differ in it.
  float random() { return float(generator_() >> 8U) * 0x1p-24F; }

  int64_t add_disc(float* image, std::vector<bool>& covered) {
    constexpr float kLeastRadius = 1;
    const auto width = float(view_.width), height = float(view_.height);
    const float most = std::max(2.0F, std::max(width, height) / 2);
    // Inverse of the distribution of r^-3 between the two.
    const float k = random();
    const float radius = 1 / std::sqrt(k / (kLeastRadius * kLeastRadius) + (1 - k) / (most * most));
    const float cx = random() * width, cy = random() * height;
    std::array<float, 4> colour{};
    for (float& c : colour) c = random();
    constexpr float kShading = 0.25F, kNoise = 0.03F;
    const float slope_x = (2 * random() - 1) * kShading / radius,
                slope_y = (2 * random() - 1) * kShading / radius;
    int64_t painted = 0;
    const auto first = [](float centre, float r) { return std::max(int64_t{0}, int64_t(centre - r)); };
    const auto last = [](float centre, float r, int64_t end) {
      return std::min(end, int64_t(centre + r) + 2);
    };
    for (int64_t y = first(cy, radius); y < last(cy, radius, view_.height); ++y) {
      for (int64_t x = first(cx, radius); x < last(cx, radius, view_.width); ++x) {
        const float dx = float(x) - cx, dy = float(y) - cy;
        const int64_t pixel = y * view_.width + x;
        if (dx * dx + dy * dy > radius * radius || covered[size_t(pixel)]) continue;
        covered[size_t(pixel)] = true;
        ++painted;
        const float shade = slope_x * dx + slope_y * dy + (random() - 0.5F) * kNoise;
        for (int64_t c = 0; c < view_.channels; ++c)
          image[pixel * view_.pixel_stride + c * view_.channel_stride] =
              low_ + (high_ - low_) * std::clamp(colour[size_t(c)] + shade, 0.0F, 1.0F);
      }
    }
    return painted;
  }

  const PictureView& view_;
  std::mt19937 generator_;
  float low_, high_;
};

}  // namespace

Tensor probe_picture(const TensorDesc& desc, uint32_t seed, float low, float high) {
  const auto view = PictureView::of(desc);
  if (view.count == 0) return graph::random_tensor(desc, seed, low, high);
  Tensor tensor(desc);
  const auto values = tensor.as_mutable<float>();
  std::ranges::fill(values, (low + high) / 2);
  for (int64_t i = 0; i < view.count; ++i)
    Painter(view, seed + uint32_t(i) * 0x9E3779B9U, low, high).paint(values.data() + i * view.image_stride);
  return tensor;
}

}  // namespace tarsier::infer
