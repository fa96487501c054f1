// A person cut out of a scene whose coverage is known, from a mask as coarse and soft as a network's: edges,
// flicker, lag, the blur of the background and what is put behind.
#include "vision/matte.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>

#include "support/gpu_fixture.hpp"
#include "vision/composite.hpp"
#include "vision/disc_blur.hpp"

namespace tarsier::vision {
namespace {

constexpr int kMaskWidth = 256, kMaskHeight = 144;

/// A value for each pixel of a picture.
struct Plane {
  int width = 0, height = 0;
  std::vector<float> v;
  Plane(int w, int h) : width(w), height(h), v(size_t(w) * size_t(h)) {}
  float& at(int x, int y) { return v[size_t(y) * size_t(width) + size_t(x)]; }
  [[nodiscard]] float at(int x, int y) const {
    x = std::clamp(x, 0, width - 1);
    y = std::clamp(y, 0, height - 1);
    return v[size_t(y) * size_t(width) + size_t(x)];
  }
  [[nodiscard]] float bilinear(float x, float y) const {
    const float x0 = std::floor(x), y0 = std::floor(y), fx = x - x0, fy = y - y0;
    const int i = int(x0), j = int(y0);
    return (at(i, j) * (1 - fx) + at(i + 1, j) * fx) * (1 - fy) +
           (at(i, j + 1) * (1 - fx) + at(i + 1, j + 1) * fx) * fy;
  }
};

Plane sampled(int width, int height, const std::function<float(float, float)>& inside) {
  constexpr int kSub = 4;
  Plane plane(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      float sum = 0;
      for (int s = 0; s < kSub * kSub; ++s) {
        sum += inside(float(x) + (float(s % kSub) + 0.5F) / kSub, float(y) + (float(s / kSub) + 0.5F) / kSub);
      }
      plane.at(x, y) = sum / float(kSub * kSub);
    }
  }
  return plane;
}

/// What a network makes of it: reduced to its size and softer by a pixel each way.
Plane coarse(const Plane& alpha) {
  const float sx = float(alpha.width) / kMaskWidth, sy = float(alpha.height) / kMaskHeight;
  Plane reduced(kMaskWidth, kMaskHeight), soft(kMaskWidth, kMaskHeight);
  for (int y = 0; y < kMaskHeight; ++y) {
    for (int x = 0; x < kMaskWidth; ++x) {
      float sum = 0;
      for (int s = 0; s < 64; ++s) {
        sum += alpha.at(int((float(x) + (float(s % 8) + 0.5F) / 8) * sx),
                        int((float(y) + (float(s / 8) + 0.5F) / 8) * sy));
      }
      reduced.at(x, y) = sum / 64;
    }
  }
  const Plane& sharp = reduced;
  for (int y = 0; y < kMaskHeight; ++y) {
    for (int x = 0; x < kMaskWidth; ++x) {
      for (int s = 0; s < 9; ++s) soft.at(x, y) += sharp.at(x + s % 3 - 1, y + s / 3 - 1) / 9;
    }
  }
  return soft;
}

/// Head and shoulders, a little ragged.
float person(float x, float y, float width, float height) {
  const float u = (x - width / 2) / height, v = y / height;
  const float angle = std::atan2(v - 0.36F, u);
  if (std::hypot(u, (v - 0.36F) / 1.25F) < 0.18F + 0.012F * std::sin(9 * angle)) return 1;
  const float across = std::abs(u) / 0.4F, down = (1 - v) / 0.48F;
  return std::pow(across, 2.5F) + std::pow(std::max(down, 0.0F), 2.5F) < 1 ? 1 : 0;
}

/// Waves of colour with a camera's noise.
class Texture {
 public:
  Texture(uint32_t seed, std::array<float, 3> low, std::array<float, 3> high, float size)
      : random_(seed), low_(low), high_(high) {
    std::uniform_real_distribution<float> one(-1, 1);
    for (auto& wave : waves_) wave = {one(random_) / size, one(random_) / size, one(random_) * 3.14F};
  }
  float operator()(size_t channel, int x, int y) {
    float sum = 0;
    for (size_t k = channel * kWaves; k < (channel + 1) * kWaves; ++k)
      sum += std::sin(6.28F * (waves_[k][0] * float(x) + waves_[k][1] * float(y)) + waves_[k][2]);
    const float t = 0.5F + 0.5F * std::clamp(sum / 4, -1.0F, 1.0F);
    return low_[channel] + (high_[channel] - low_[channel]) * t + noise_(random_);
  }

 private:
  static constexpr size_t kWaves = 6;
  std::mt19937 random_;
  std::normal_distribution<float> noise_{0, 0.012F};
  std::array<float, 3> low_, high_;
  std::array<std::array<float, 3>, 3 * kWaves> waves_;
};

uint32_t pixel(float b, float g, float r) {
  const auto byte = [](float v) { return uint32_t(std::lround(std::clamp(v, 0.0F, 1.0F) * 255)); };
  return byte(b) | byte(g) << 8 | byte(r) << 16 | 0xFF000000U;
}
int channel(uint32_t bgra, int c) {
  return int((bgra >> (8 * c)) & 255U);
}

class MatteTest : public test::GpuTest {
 protected:
  gpu::Buffer put(const void* data, uint64_t bytes) {
    auto buffer = device().create_buffer({.size = (bytes + 3) / 4 * 4, .name = "test"});
    EXPECT_TRUE(buffer.ok());
    EXPECT_OK(device().upload(*buffer, 0, data, bytes));
    return *std::move(buffer);
  }
  template <class T>
  std::vector<T> get(const gpu::Buffer& buffer) {
    std::vector<T> out(buffer.size() / sizeof(T));
    EXPECT_OK(device().download(buffer, 0, out.data(), buffer.size()));
    return out;
  }
  gpu::Buffer put_mask(const Plane& mask) {
    std::vector<uint8_t> bytes(mask.v.size());
    for (size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = uint8_t(std::lround(std::clamp(mask.v[i], 0.0F, 1.0F) * 255));
    return put(bytes.data(), bytes.size());
  }
  static SoftMask soft_mask(const gpu::Buffer& mask, int width, int height) {
    return {mask.address(),
            kMaskWidth,
            kMaskHeight,
            {float(kMaskWidth) / float(width), float(kMaskHeight) / float(height), 0, 0}};
  }
  /// One frame through all passes.
  std::vector<uint32_t> run(const std::vector<uint32_t>& frame, int width, int height, const Plane& mask,
                            Ground ground, float radius = 8, std::array<float, 3> colour = {},
                            std::vector<uint32_t>* blurred = nullptr) {
    auto matte = Matte::create(device(), width, height, kMaskWidth, kMaskHeight);
    EXPECT_OK(matte);
    auto blur = DiscBlur::create(device(), matte->grid());
    auto composite = Composite::create(device(), matte->grid(), {ground});
    EXPECT_OK(blur);
    EXPECT_OK(composite);
    const gpu::Buffer picture = put(frame.data(), frame.size() * 4), bytes = put_mask(mask);
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) {
      matte->record(commands, picture.address(), soft_mask(bytes, width, height), 0, 0.2);
      blur->record(commands, *matte, radius);
      composite->record(commands, ground, *matte, &*blur,
                        {.guide = picture.address(), .frame = picture.address(), .colour = colour});
    }));
    if (blurred != nullptr) *blurred = get<uint32_t>(blur->picture());
    return get<uint32_t>(composite->result());
  }
};

struct Errors {
  double all = 0, edge = 0, far = 0;
};

Errors compare(const Plane& alpha, const std::function<float(int, int)>& found) {
  Errors errors;
  int edges = 0;
  for (int y = 0; y < alpha.height; ++y) {
    for (int x = 0; x < alpha.width; ++x) {
      float least = 1, most = 0;
      for (int dy = -5; dy <= 5; ++dy) {
        for (int dx = -5; dx <= 5; ++dx) {
          least = std::min(least, alpha.at(x + dx, y + dy));
          most = std::max(most, alpha.at(x + dx, y + dy));
        }
      }
      const double error = std::abs(found(x, y) - alpha.at(x, y));
      errors.all += error;
      if (least < 1 && most > 0) {
        errors.edge += error;
        ++edges;
      } else {
        errors.far += error;
      }
    }
  }
  const int pixels = alpha.width * alpha.height;
  errors.all /= pixels;
  errors.far /= pixels - edges;
  errors.edge /= edges;
  return errors;
}

TEST_F(MatteTest, TheEdgeIsWhereTheFrameHasIt) {
  for (const auto& [width, height] : {std::pair(640, 480), std::pair(1280, 720), std::pair(333, 251)}) {
    SCOPED_TRACE(fmt::format("{}x{}", width, height));
    const Plane alpha = sampled(width, height, [&, w = float(width), h = float(height)](float x, float y) {
      return person(x, y, w, h);
    });
    const float size = float(height) / 10;
    Texture front(3, {0.35F, 0.25F, 0.45F}, {0.75F, 0.6F, 0.7F}, size * 1.3F);
    Texture behind(5, {0.1F, 0.3F, 0.05F}, {0.5F, 0.75F, 0.5F}, size);
    std::vector<uint32_t> frame(alpha.v.size());
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const float a = alpha.at(x, y);
        std::array<float, 3> bgr{};
        for (size_t c = 0; c < 3; ++c) bgr[c] = a * front(c, x, y) + (1 - a) * behind(c, x, y);
        frame[size_t(y) * size_t(width) + size_t(x)] = pixel(bgr[0], bgr[1], bgr[2]);
      }
    }
    const Plane mask = coarse(alpha);
    const auto grey = run(frame, width, height, mask, Ground::kMatte);
    const Errors errors = compare(alpha, [&](int x, int y) {
      return float(channel(grey[size_t(y) * size_t(width) + size_t(x)], 1)) / 255;
    });
    const auto enlarged = [&](int x, int y) {
      return mask.bilinear((float(x) + 0.5F) * float(kMaskWidth) / float(width) - 0.5F,
                           (float(y) + 0.5F) * float(kMaskHeight) / float(height) - 0.5F);
    };
    const Errors bilinear = compare(alpha, enlarged);
    const Errors sharpened = compare(alpha, [&](int x, int y) {
      const float t = std::clamp((enlarged(x, y) - 0.1F) / 0.8F, 0.0F, 1.0F);
      return t * t * (3 - 2 * t);
    });
    printf(
        "%dx%d: mean absolute error of the coverage (at the edge): %.5f (%.4f); bilinear %.5f (%.4f), as "
        "steep "
        "%.5f (%.4f)\n",
        width, height, errors.all, errors.edge, bilinear.all, bilinear.edge, sharpened.all, sharpened.edge);
    EXPECT_LT(errors.all, 0.3 * bilinear.all);
    EXPECT_LT(errors.edge, 0.3 * bilinear.edge);
    EXPECT_LT(errors.edge, 0.5 * sharpened.edge);
    EXPECT_LT(errors.far, 0.001);
  }
}

TEST_F(MatteTest, FlickerIsSmoothedAndMotionIsNot) {
  constexpr int kFrames = 40, kSettled = 20;
  constexpr double kPeriod = 1.0 / 30;
  auto matte = Matte::create(device(), 640, 480, kMaskWidth, kMaskHeight);
  ASSERT_OK(matte);
  const std::vector<uint32_t> grey(640 * 480, 0xFF808080U);
  const gpu::Buffer picture = put(grey.data(), grey.size() * 4);
  const auto step = [&](const Plane& mask, int frame) {
    const gpu::Buffer bytes = put_mask(mask);
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) {
      matte->record(commands, picture.address(), soft_mask(bytes, 640, 480), frame * kPeriod, 0.2);
    }));
    return get<float>(matte->smoothed());
  };

  // A still edge; the network's answer trembles by a tenth.
  std::mt19937 random(7);
  std::normal_distribution<float> noise(0, 0.1F);
  double raw = 0, smoothed = 0;
  std::vector<float> before_raw, before;
  for (int frame = 0; frame < kFrames; ++frame) {
    Plane mask(kMaskWidth, kMaskHeight);
    for (int y = 0; y < kMaskHeight; ++y) {
      for (int x = 0; x < kMaskWidth; ++x)
        mask.at(x, y) = std::clamp(0.5F + float(x - 128) / 200 + noise(random), 0.0F, 1.0F);
    }
    const auto now = step(mask, frame);
    if (frame >= kSettled) {
      for (size_t i = 0; i < now.size(); ++i) {
        raw += std::abs(mask.v[i] - before_raw[i]);
        smoothed += std::abs(now[i] - before[i]);
      }
    }
    before = now;
    before_raw = mask.v;
  }
  printf("flicker from frame to frame: %.4f of the mask's own\n", smoothed / raw);
  EXPECT_LT(smoothed, raw / 4);

  // An edge that crosses the mask in a second and a half: where it is half, and where it leaves nothing
  // behind.
  double worst = 0;
  float left_behind = 0;
  for (int frame = 0; frame < 45; ++frame) {
    const float edge = 20 + 5 * float(frame);
    Plane mask(kMaskWidth, kMaskHeight);
    for (int y = 0; y < kMaskHeight; ++y) {
      for (int x = 0; x < kMaskWidth; ++x)
        mask.at(x, y) = std::clamp(0.5F + (float(x) - edge) / 3, 0.0F, 1.0F);
    }
    const auto now = step(mask, kFrames + frame);
    if (frame < 2) continue;
    const float* row = now.data() + size_t(70) * kMaskWidth;
    int x = 0;
    while (x < kMaskWidth - 1 && row[x] < 0.5F) ++x;
    const double found = x - (row[x] - 0.5) / std::max(row[x] - row[x - 1], 1e-3F);
    worst = std::max(worst, std::abs(found - double(edge)));
    for (int i = 0; i < int(edge) - 5; ++i) left_behind = std::max(left_behind, row[i]);
  }
  printf("a moving edge is at most %.2f mask pixels late, %.3f stays behind it\n", worst,
         double(left_behind));
  EXPECT_LT(worst, 1.0);
  EXPECT_LT(left_behind, 0.05F);

  // Time that goes back starts anew. The same time again (a paused window) makes that frame anew of the mask
  // as it is now, from the frame before it.
  Plane level(kMaskWidth, kMaskHeight);
  const auto all_are = [](const std::vector<float>& values, float wanted) {
    return std::ranges::all_of(values, [&](float value) { return std::abs(value - wanted) < 0.003F; });
  };
  std::ranges::fill(level.v, 0.6F);
  EXPECT_TRUE(all_are(step(level, 0), 0.6F));
  std::ranges::fill(level.v, 0.64F);
  const float follow = float(1 - std::exp(-kPeriod / 0.2));
  EXPECT_TRUE(all_are(step(level, 0), 0.64F)) << "the first frame, made anew";
  std::ranges::fill(level.v, 0.6F);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(all_are(step(level, 1), 0.64F - 0.04F * follow)) << i;
  std::ranges::fill(level.v, 0.64F);
  EXPECT_TRUE(all_are(step(level, 1), 0.64F)) << "the past of the frame before, not of its own first making";
}

TEST_F(MatteTest, AMirroredFrameGivesTheMirroredResult) {
  for (const auto& [width, height] : {std::pair(640, 360), std::pair(1920, 1080), std::pair(1280, 720)}) {
    SCOPED_TRACE(fmt::format("{}x{}", width, height));
    const Plane alpha = sampled(width, height, [&, w = float(width), h = float(height)](float x, float y) {
      return person(x + h / 9, y, w, h);
    });
    Texture behind(5, {0.1F, 0.3F, 0.05F}, {0.5F, 0.75F, 0.5F}, float(height) / 10);
    std::vector<uint32_t> frame(alpha.v.size()), mirrored(alpha.v.size());
    const auto at = [w = width](int x, int y) { return size_t(y) * size_t(w) + size_t(x); };
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const float a = alpha.at(x, y);
        std::array<float, 3> bgr{};
        for (size_t c = 0; c < 3; ++c) bgr[c] = a * 0.8F + (1 - a) * behind(c, x, y);
        frame[at(x, y)] = mirrored[at(width - 1 - x, y)] = pixel(bgr[0], bgr[1], bgr[2]);
      }
    }
    const Plane mask = coarse(alpha);
    Plane other(kMaskWidth, kMaskHeight);
    for (int y = 0; y < kMaskHeight; ++y) {
      for (int x = 0; x < kMaskWidth; ++x) other.at(x, y) = mask.at(kMaskWidth - 1 - x, y);
    }
    const auto one = run(frame, width, height, mask, Ground::kMatte);
    const auto two = run(mirrored, width, height, other, Ground::kMatte);
    int worst = 0;
    double sum = 0;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const int apart = std::abs(channel(one[at(x, y)], 1) - channel(two[at(width - 1 - x, y)], 1));
        worst = std::max(worst, apart);
        sum += apart;
      }
    }
    printf("%dx%d: mirrored coverages are at most %d of 255 apart, %.5f on average\n", width, height, worst,
           sum / double(frame.size()));
    EXPECT_LE(worst, 1);
  }
}

TEST_F(MatteTest, NothingOfAWhitePersonGetsIntoTheBlur) {
  constexpr int kWidth = 1280, kHeight = 720;
  const Plane alpha =
      sampled(kWidth, kHeight, [](float x, float y) { return person(x, y, kWidth, kHeight); });
  std::vector<uint32_t> frame(alpha.v.size());
  for (size_t i = 0; i < frame.size(); ++i) frame[i] = pixel(alpha.v[i], alpha.v[i], alpha.v[i]);
  const auto result = run(frame, kWidth, kHeight, coarse(alpha), Ground::kBlurred, 9);
  int brightest = 0, beside = 0, darkest = 255;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      float nearest = 0, farthest = 1;
      for (int d = -2; d <= 2; ++d) {
        for (int e = -2; e <= 2; ++e) {
          nearest = std::max(nearest, alpha.at(x + d, y + e));
          farthest = std::min(farthest, alpha.at(x + d, y + e));
        }
      }
      const int value = channel(result[size_t(y) * kWidth + size_t(x)], 1);
      if (nearest == 0) brightest = std::max(brightest, value);
      if (alpha.at(x, y) == 0) beside = std::max(beside, value);
      if (farthest == 1) darkest = std::min(darkest, value);
    }
  }
  printf(
      "blurred ground: at most %d of 255 beside the person, %d from two pixels on; the person at least %d\n",
      beside, brightest, darkest);
  EXPECT_LE(brightest, 3);
  EXPECT_LE(beside, 12);
  EXPECT_GE(darkest, 250);
}

TEST_F(MatteTest, ABrightPointBecomesAFlatRoundDisc) {
  constexpr int kWidth = 1280, kHeight = 720, kStep = 4;
  const CellGrid grid = cell_grid(kWidth, kHeight);
  ASSERT_EQ(grid.step, kStep);
  constexpr int kColumn = 200, kRow = 70;
  std::vector<uint32_t> frame(size_t(kWidth) * kHeight, 0xFF000000U);
  for (int y = 0; y < kStep; ++y) {
    for (int x = 0; x < kStep; ++x)
      frame[size_t(kRow * kStep + y) * kWidth + size_t(kColumn * kStep + x)] = 0xFFFFFFFFU;
  }
  for (const float radius : {3.0F, 6.0F, 11.5F}) {
    SCOPED_TRACE(radius);
    std::vector<uint32_t> disc;
    run(frame, kWidth, kHeight, Plane(kMaskWidth, kMaskHeight), Ground::kBlurred, radius, {}, &disc);
    // The light of one cell over all of the disc's, and its square root as the picture holds it.
    const double area = std::numbers::pi * radius * radius;
    const double level = 255 / std::sqrt(area);
    int least = 255, most = 0, outside = 0;
    for (int y = 0; y < grid.rows; ++y) {
      for (int x = 0; x < grid.columns; ++x) {
        const double distance = std::hypot(x - kColumn, y - kRow);
        const int value = channel(disc[size_t(y) * size_t(grid.columns) + size_t(x)], 1);
        if (distance <= double(radius) - 1) {
          least = std::min(least, value);
          most = std::max(most, value);
        } else if (distance > double(radius) + 1) {
          outside = std::max(outside, value);
        }
      }
    }
    EXPECT_LE(most - least, 1) << "not flat";
    EXPECT_EQ(outside, 0) << "not round";
    EXPECT_NEAR(most, level, 0.12 * level);
  }
}

TEST_F(MatteTest, APlainColourIsPlainAndThePersonUntouched) {
  constexpr int kWidth = 641, kHeight = 479;
  const Plane alpha =
      sampled(kWidth, kHeight, [](float x, float y) { return person(x, y, kWidth, kHeight); });
  Texture front(3, {0.5F, 0.4F, 0.6F}, {0.9F, 0.8F, 0.9F}, 60);
  std::vector<uint32_t> frame(alpha.v.size());
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const float a = alpha.at(x, y);
      frame[size_t(y) * kWidth + size_t(x)] =
          pixel(a * front(0, x, y) + (1 - a) * 0.1F, a * front(1, x, y) + (1 - a) * 0.1F, a * front(2, x, y));
    }
  }
  const auto result = run(frame, kWidth, kHeight, coarse(alpha), Ground::kColour, 4, {0, 1, 0});
  // The dark ground that the frame had must not rim the person either.
  int darkest = 255;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      float least = 1, most = 0;
      for (int d = 0; d < 49 * 9; ++d) {
        const float a = alpha.at(x + d % 21 - 10, y + d / 21 - 10);
        least = std::min(least, a);
        most = std::max(most, a);
      }
      const size_t at = size_t(y) * kWidth + size_t(x);
      if (most == 0) {
        ASSERT_EQ(result[at], 0xFF00FF00U) << x << ", " << y;
      } else if (least == 1) {
        ASSERT_EQ(result[at], frame[at]) << x << ", " << y;
      } else {
        darkest = std::min(darkest, channel(result[at], 1));
      }
    }
  }
  printf("at the edge at least %d of 255 are green\n", darkest);
  EXPECT_GE(darkest, 70);
}

}  // namespace
}  // namespace tarsier::vision
