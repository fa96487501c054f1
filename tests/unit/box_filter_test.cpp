// The box filter against a plain 8x8 Kalman filter, and what it is there for.
#include "vision/box_filter.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace tarsier::vision {
namespace {

constexpr size_t kN = 8;
using Matrix = std::vector<double>;  // kN x kN

/// The textbook's filter, with whole matrices: x, y, width, height, then their velocities (pixels/s).
struct WholeFilter {
  std::vector<double> state = std::vector<double>(kN);
  Matrix p = Matrix(kN * kN);

  /// `size`: of width and height.
  static double deviation(size_t i, const std::vector<double>& size, double moving) {
    const double of = i % 2 == 0 ? size[2] : size[3];
    return i < 4 ? moving * of / 20 : moving * of / 160 * 30;
  }
  explicit WholeFilter(const std::vector<double>& z) {
    for (size_t i = 0; i < 4; ++i) state[i] = z[i];
    for (size_t i = 0; i < kN; ++i) {
      const double factor = i < 4 ? 2 : 10;
      p[i * kN + i] = std::pow(deviation(i, z, factor), 2);
    }
  }
  void predict(double dt) {
    Matrix f(kN * kN);
    for (size_t i = 0; i < kN; ++i) f[i * kN + i] = 1;
    for (size_t i = 0; i < 4; ++i) f[i * kN + i + 4] = dt;
    const std::vector<double> before = state;
    Matrix next(kN * kN);
    for (size_t i = 0; i < kN; ++i) {
      for (size_t j = 0; j < kN; ++j) {
        for (size_t k = 0; k < kN; ++k) {
          for (size_t l = 0; l < kN; ++l) next[i * kN + j] += f[i * kN + k] * p[k * kN + l] * f[j * kN + l];
        }
      }
    }
    for (size_t i = 0; i < kN; ++i) next[i * kN + i] += std::pow(deviation(i, before, 1), 2) * dt * 30;
    p = next;
    for (size_t i = 0; i < 4; ++i) state[i] += dt * state[i + 4];
  }
  void update(const std::vector<double>& z) {
    // P is never coupled between quantities, so S is diagonal: the general formula needs no inverse here.
    Matrix gain(kN * 4);
    for (size_t i = 0; i < kN; ++i) {
      for (size_t j = 0; j < 4; ++j) {
        const double noise = deviation(j, state, 1);
        gain[i * 4 + j] = p[i * kN + j] / (p[j * kN + j] + noise * noise);
      }
    }
    Matrix next = p;
    for (size_t i = 0; i < kN; ++i) {
      for (size_t j = 0; j < kN; ++j) {
        for (size_t k = 0; k < 4; ++k) next[i * kN + j] -= gain[i * 4 + k] * p[k * kN + j];
      }
    }
    std::vector<double> surprise(4);
    for (size_t j = 0; j < 4; ++j) surprise[j] = z[j] - state[j];
    for (size_t i = 0; i < kN; ++i) {
      for (size_t j = 0; j < 4; ++j) state[i] += gain[i * 4 + j] * surprise[j];
    }
    p = next;
  }
};

BoxFilter::Box box_of(const std::vector<double>& z) {
  return {z[0] - z[2] / 2, z[1] - z[3] / 2, z[0] + z[2] / 2, z[1] + z[3] / 2};
}

TEST(BoxFilter, IsTheWholeKalmanFilter) {
  std::mt19937 random(1);
  std::normal_distribution<double> noise;
  std::vector<double> z = {300, 200, 48, 120};
  BoxFilter filter(box_of(z));
  WholeFilter whole(z);
  for (int i = 0; i < 40; ++i) {
    const double dt = i % 7 == 3 ? 0.2 : 1.0 / 30;  // frames are missing now and then
    filter.predict(dt, false);
    whole.predict(dt);
    if (i % 5 != 4) {
      z = {300 + 4.0 * i + noise(random), 200 - i + noise(random), 48 + 0.3 * i + noise(random),
           120 + 0.5 * i + noise(random)};
      filter.update(box_of(z));
      whole.update(z);
    }
    const auto got = filter.box();
    const auto expected = box_of(whole.state);
    ASSERT_NEAR(got.x0, expected.x0, 1e-6) << i;
    ASSERT_NEAR(got.y1, expected.y1, 1e-6) << i;
    ASSERT_NEAR(filter.velocity_x(), whole.state[4], 1e-6) << i;
    ASSERT_NEAR(filter.variance_x(), whole.p[0], 1e-6) << i;
    ASSERT_NEAR(filter.variance_velocity_x(), whole.p[4 * kN + 4], 1e-4) << i;
  }
}

TEST(BoxFilter, LearnsAVelocityAtAnyFrameRate) {
  for (const double fps : {5.0, 10.0, 30.0, 60.0}) {
    BoxFilter filter({100, 100, 150, 200});
    double moved = 0;
    for (int i = 1; i <= int(fps * 2); ++i) {
      moved = 80.0 * i / fps;  // 80 pixels/s to the right
      filter.predict(1 / fps, false);
      filter.update({100 + moved, 100, 150 + moved, 200});
    }
    EXPECT_NEAR(filter.velocity_x(), 80, 4) << fps;
    EXPECT_NEAR(filter.velocity_y(), 0, 1e-6) << fps;
    EXPECT_NEAR(filter.box_after(0.5, false).x0, 100 + moved + 40, 4) << fps;
  }
}

TEST(BoxFilter, UncertaintyGrowsWithTimeNotWithFrames) {
  BoxFilter once({100, 100, 150, 200});
  BoxFilter often = once;
  once.predict(0.4, true);
  for (int i = 0; i < 4; ++i) often.predict(0.1, true);
  EXPECT_DOUBLE_EQ(once.box().x0, often.box().x0);
  EXPECT_NEAR(once.variance_velocity_x(), often.variance_velocity_x(), 1e-6);
  // What velocity noise adds to the position depends on where the steps end, by a little.
  EXPECT_NEAR(std::sqrt(once.variance_x()) / std::sqrt(often.variance_x()), 1, 0.1);
  const double before = once.variance_x();
  once.update({100, 100, 150, 200});
  EXPECT_LT(once.variance_x(), before);
  EXPECT_LT(once.variance_x(), 6.25) << "at most a measurement's own: width / 20";
}

TEST(BoxFilter, SmoothsNoiseAndKeepsTheSizeOfWhatIsHidden) {
  std::mt19937 random(2);
  std::normal_distribution<double> noise(0, 4);
  BoxFilter filter({0, 0, 40, 100});
  double measured = 0, filtered = 0;
  for (int i = 1; i <= 300; ++i) {
    const double x = 3.0 * i;
    const double off = noise(random);
    filter.predict(1.0 / 30, false);
    filter.update({x + off, 0, x + 40 + off, 100 + 0.3 * i});
    measured += off * off;
    filtered += std::pow(filter.box().x0 + (filter.box().x1 - filter.box().x0) / 2 - x - 20, 2);
  }
  EXPECT_LT(filtered, 0.7 * measured);
  const double height = filter.box().y1 - filter.box().y0;
  EXPECT_GT(filter.box_after(1, false).y1 - filter.box_after(1, false).y0, height + 5);
  EXPECT_NEAR(filter.box_after(1, true).y1 - filter.box_after(1, true).y0, height, 1e-9);
  filter.predict(1, true);
  EXPECT_NEAR(filter.box().y1 - filter.box().y0, height, 1e-9);
}

/// Who walks in from the picture's edge is seen whole within half a second, and so he is drawn.
TEST(BoxFilter, FollowsAWidthThatChanges) {
  BoxFilter filter({200, 300, 500, 430});
  for (int i = 1; i <= 5; ++i) {  // at 10 frames/s
    filter.predict(0.1, false);
    const double half = std::max(150.0 - 40 * i, 75.0);
    filter.update({350 - half, 300 - 45.0 * i, 350 + half, 430});
  }
  EXPECT_NEAR(filter.box().x1 - filter.box().x0, 150, 15);
}

TEST(BoxFilter, AFlatBoxStaysABox) {
  BoxFilter filter({10, 10, 10, 10});
  filter.predict(1, false);
  filter.update({10, 10, 10, 10});
  EXPECT_TRUE(std::isfinite(filter.box().x0));
  EXPECT_GE(filter.box().x1 - filter.box().x0, 1);
  EXPECT_GE(filter.box().y1 - filter.box().y0, 1);
}

}  // namespace
}  // namespace tarsier::vision
