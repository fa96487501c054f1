// The lane tracker against masks painted from a known road, camera and drive.
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

#include "vision/lane_tracker.hpp"

namespace tarsier::vision {
namespace {

constexpr int kWidth = 960, kHeight = 540, kMaskWidth = 640, kMaskHeight = 360;
constexpr double kStep = 0.04;

struct Road {
  double offset = 0;     // of the camera from the lane's middle, to the right
  double heading = 0;    // of the lane, seen from the camera
  double curvature = 0;  // 1/m
  double width = 3.6;
  double dash_m = 0, gap_m = 0;  // of the left line; 0: solid
  double driven_m = 0;           // by which the dashes have come nearer
  bool left = true, right = true;
  bool neighbours = true;  // the next lanes' lines, dashed
};

class LaneTest : public ::testing::Test {
 protected:
  CameraDesc camera_{.height_m = 1.3, .pitch_deg = -1, .fov_deg = 60, .sigma_pitch_deg = 0.1};
  double true_pitch_ = -1;
  std::vector<uint8_t> mask_;
  LaneTracker tracker_;
  LaneParams params_;
  double time_s_ = 0;
  uint32_t random_ = 1;

  [[nodiscard]] GroundPlane described() const { return *GroundPlane::create(camera_, kWidth, kHeight); }
  [[nodiscard]] GroundPlane truth() const { return described().with_pitch(true_pitch_, 0); }
  double random() {  // 0..1
    random_ = random_ * 1664525U + 1013904223U;
    return double(random_ >> 8U) / double(1U << 24U);
  }
  static double lateral(const Road& road, double line, double z) {
    return line * road.width - road.offset + road.heading * z + road.curvature / 2 * z * z;
  }
  /// Paints lines 0.15 m wide and what the network adds, up to 70 m.
  void paint(const Road& road, double noise_px = 0) {
    mask_.assign(size_t(kMaskWidth) * kMaskHeight, 10);
    const GroundPlane plane = truth();
    for (int y = 0; y < kMaskHeight; ++y) {
      const auto ground = plane.at(0, (y + 0.5) * kHeight / kMaskHeight);
      if (!ground || ground->distance_m > 70) continue;
      const double z = ground->distance_m;
      for (const double line : {-1.5, -0.5, 0.5, 1.5}) {
        const bool own = std::abs(line) < 1;
        if (own ? !(line < 0 ? road.left : road.right) : !road.neighbours) continue;
        const double dash = own ? (line < 0 ? road.dash_m : 0) : 3, gap = own ? road.gap_m : 9;
        if (dash > 0 && std::fmod(z + road.driven_m, dash + gap) > dash) continue;
        const double scale = double(kMaskWidth) / kWidth;
        const double x = plane.column_of(lateral(road, line, z), z) * scale + (random() - 0.5) * 2 * noise_px;
        const double half = (plane.column_of(0.15, z) - plane.column_of(0, z)) / 2 * scale + 2;
        for (int i = std::max(int(std::ceil(x - half - 0.5)), 0); i < kMaskWidth && i + 0.5 < x + half; ++i)
          mask_[size_t(y) * kMaskWidth + size_t(i)] = 250;
      }
    }
  }
  void update() {
    tracker_.update(
        {mask_, kMaskWidth, kMaskHeight, {float(kMaskWidth) / kWidth, float(kMaskHeight) / kHeight, 0, 0}},
        time_s_, described(), kWidth, kHeight, params_);
    time_s_ += kStep;
  }
  /// The farthest of both curves from the truth, pixels of the frame.
  [[nodiscard]] double farthest(const Road& road) const {
    double worst = 0;
    const GroundPlane plane = truth();
    for (const int side : {0, 1}) {
      std::array<CurvePoint, 16> points;
      tracker_.curve(side, kHeight, points);
      for (const auto& point : points) {
        const auto ground = plane.at(0, point.y);
        if (!ground || ground->distance_m > 60) continue;
        const double x =
            plane.column_of(lateral(road, side == 0 ? -0.5 : 0.5, ground->distance_m), ground->distance_m);
        worst = std::max(worst, std::abs(x - point.x));
      }
    }
    return worst;
  }
};

TEST_F(LaneTest, StraightLinesGivePositionAndWidthAtOnce) {
  const Road road{.offset = 0.4, .heading = 0.01};
  paint(road);
  update();
  const Lane& lane = tracker_.lane();
  ASSERT_TRUE(lane.sides[0].seen && lane.sides[1].seen);
  EXPECT_NEAR(lane.position_m->value, 0.4, 0.05);
  EXPECT_NEAR(lane.width_m->value, 3.6, 0.08);
  EXPECT_LT(farthest(road), 4);
  EXPECT_GT(lane.sides[0].confidence, 0.9F);
}

TEST_F(LaneTest, ACurveHasItsCurvature) {
  for (const double curvature : {1 / 400.0, -1 / 300.0}) {
    tracker_ = {};
    const Road road{.offset = -0.2, .curvature = curvature};
    for (int i = 0; i < 25; ++i) {
      paint(road);
      update();
    }
    ASSERT_TRUE(tracker_.lane().curvature);
    EXPECT_NEAR(tracker_.lane().curvature->value, curvature, 3e-4);
    EXPECT_NEAR(tracker_.lane().position_m->value, -0.2, 0.05);
    EXPECT_LT(farthest(road), 6);
    for (const int side : {0, 1})
      EXPECT_NEAR(tracker_.lane().lateral_at(side, 30), lateral(road, side - 0.5, 30), 0.2);
  }
}

TEST_F(LaneTest, DashesAreBridgedInNoise) {
  Road road{.offset = 0.1, .curvature = 1 / 1000.0, .dash_m = 3, .gap_m = 9};
  double worst = 0;
  for (int i = 0; i < 100; ++i, road.driven_m += 28 * kStep) {
    paint(road, 2);
    for (int k = 0; k < 300; ++k)  // specks
      mask_[size_t(random() * kMaskWidth * kMaskHeight)] = 200;
    for (int y = 300; y < 306; ++y)  // a stop line, now and then
      for (int x = 100; i % 20 < 3 && x < 600; ++x) mask_[size_t(y) * kMaskWidth + size_t(x)] = 250;
    update();
    if (i < 3) continue;  // a stop line and noise
    ASSERT_TRUE(tracker_.lane().sides[0].known && tracker_.lane().sides[1].known) << i;
    if (i >= 10) worst = std::max(worst, farthest(road));
  }
  EXPECT_LT(worst, 10);
  EXPECT_NEAR(tracker_.lane().position_m->value, 0.1, 0.1);
}

TEST_F(LaneTest, AMissingBoundaryIsHeldThenDroppedThenFoundAgain) {
  Road road;
  for (int i = 0; i < 10; ++i) {
    paint(road);
    update();
  }
  road.left = false;
  int held = 0;
  float last = 2;
  for (int i = 0; i < 40; ++i) {
    paint(road);
    update();
    const auto& left = tracker_.lane().sides[0];
    EXPECT_FALSE(left.seen);
    if (!left.known) continue;
    ++held;
    EXPECT_LE(left.confidence, last) << "less sure with time";
    last = left.confidence;
  }
  EXPECT_NEAR(held * kStep, params_.hold_s, 2 * kStep);
  EXPECT_FALSE(tracker_.lane().width_m) << "the neighbour's line is no boundary of this lane";
  EXPECT_TRUE(tracker_.lane().sides[1].seen);
  EXPECT_TRUE(tracker_.lane().curvature);
  road.left = true;
  for (int i = 0; i < 5; ++i) {
    paint(road);
    update();
  }
  ASSERT_TRUE(tracker_.lane().width_m);
  EXPECT_NEAR(tracker_.lane().width_m->value, 3.6, 0.1);
}

TEST_F(LaneTest, AnEmptyRoadHasNoLane) {
  mask_.assign(size_t(kMaskWidth) * kMaskHeight, 0);
  for (int i = 0; i < 3; ++i) update();
  EXPECT_FALSE(tracker_.lane().sides[0].known || tracker_.lane().sides[1].known || tracker_.lane().curvature);
  params_.horizon_from_lanes = true;
  update();
  EXPECT_FALSE(tracker_.lane().pitch_from_lanes);
  EXPECT_EQ(tracker_.plane().camera(), camera_) << "as it was described";
  for (auto& pixel : mask_) pixel = uint8_t(random() * 256);
  update();
  mask_.assign(mask_.size(), 255);
  update();
  EXPECT_FALSE(tracker_.lane().sides[0].seen);
}

TEST_F(LaneTest, ALaneChangeIsOneDeparture) {
  for (const double to : {3.6, -3.6}) {
    tracker_ = {};
    LaneDeparture departure;
    int begins = 0, ends = 0, side = -1;
    double began = 0, ended = 0;
    for (double t = 0; t < 8; t += kStep) {
      // Four seconds from one lane's middle to the next one's, as drivers do.
      const double part = std::clamp((t - 2) / 4, 0.0, 1.0);
      double offset = to * (part - std::sin(2 * M_PI * part) / (2 * M_PI));
      const double beside = offset;
      if (std::abs(offset) > 1.8) offset -= to;  // what is painted repeats itself
      paint({.offset = offset, .dash_m = 3, .gap_m = 6, .driven_m = 28 * t, .neighbours = true});
      update();
      const bool was = departure.on();
      departure.update(tracker_.lane(), {});
      if (departure.on() && !was) {
        ++begins;
        began = beside;
        side = departure.side();
      }
      if (!departure.on() && was) {
        ++ends;
        ended = beside;
      }
    }
    EXPECT_EQ(begins, 1) << to;
    EXPECT_EQ(ends, 1) << to;
    EXPECT_EQ(side, to < 0 ? 0 : 1);
    EXPECT_NEAR(std::abs(began), 0.9, 0.35) << "a wheel on the line";
    EXPECT_NEAR(std::abs(ended), 3.6 - 0.65, 0.35) << "well inside the next lane";
    ASSERT_TRUE(tracker_.lane().position_m);
    EXPECT_NEAR(tracker_.lane().position_m->value, 0, 0.15);
  }
}

TEST_F(LaneTest, NothingIsWarnedOfInTheMiddleOrWithoutALane) {
  LaneDeparture departure;
  Lane lane;
  for (int i = 0; i < 10; ++i) departure.update(lane, {});
  EXPECT_FALSE(departure.on());
  lane.sides[0] = {.known = true, .seen = true, .lateral = {-1.0F, 0}};
  lane.sides[1] = {.known = true, .seen = true, .lateral = {2.6F, 0}};
  for (int i = 0; i < 10; ++i) departure.update(lane, {});
  EXPECT_FALSE(departure.on()) << "0.1 m beside the wheel";
  lane.sides[0].lateral.value = -0.85F;
  departure.update(lane, {});
  lane.sides[0].lateral.value = -1.0F;
  departure.update(lane, {});
  EXPECT_FALSE(departure.on()) << "one frame is none";
  lane.sides[0].lateral.value = -0.85F;
  for (int i = 0; i < 3; ++i) departure.update(lane, {});
  EXPECT_TRUE(departure.on());
  EXPECT_EQ(departure.side(), 0);
  lane.sides[0].lateral.value = -1.0F;
  for (int i = 0; i < 10; ++i) departure.update(lane, {});
  EXPECT_TRUE(departure.on()) << "not far enough away yet";
  lane.sides[0].known = lane.sides[1].known = false;
  for (int i = 0; i < 3; ++i) departure.update(lane, {});
  EXPECT_FALSE(departure.on()) << "nobody knows any more";
}

TEST_F(LaneTest, TheVanishingPointGivesThePitch) {
  params_.horizon_from_lanes = true;
  for (const double pitch : {-3.0, -1.0, 0.5, 3.5}) {
    for (const double curvature : {0.0, 1 / 800.0}) {
      true_pitch_ = pitch;
      camera_.pitch_deg = 0;
      tracker_ = {};
      time_s_ = 0;
      Road road{.offset = 0.3, .curvature = curvature, .dash_m = 3, .gap_m = 6};
      for (int i = 0; i < 50; ++i, road.driven_m += 28 * kStep) {
        paint(road, 1);
        update();
      }
      ASSERT_TRUE(tracker_.lane().pitch_from_lanes) << pitch;
      EXPECT_NEAR(tracker_.lane().pitch_deg.value, pitch, 0.1) << curvature;
      EXPECT_LT(tracker_.lane().pitch_deg.sigma, 0.3);
      EXPECT_NEAR(tracker_.plane().camera().pitch_deg, pitch, 0.1);
      // Without paint the camera stays where it was.
      mask_.assign(mask_.size(), 0);
      for (int i = 0; i < 50; ++i) update();
      EXPECT_NEAR(tracker_.plane().camera().pitch_deg, pitch, 0.1);
    }
  }
}

TEST_F(LaneTest, ADescribedPitchStays) {
  true_pitch_ = -1.3;  // the car nods
  for (int i = 0; i < 10; ++i) {
    paint({});
    update();
  }
  EXPECT_FALSE(tracker_.lane().pitch_from_lanes);
  EXPECT_EQ(tracker_.lane().pitch_deg.value, -1);
  EXPECT_LT(farthest({}), 5) << "the curves nod with it all the same";
}

TEST_F(LaneTest, GoingBackInTimeStartsAnew) {
  paint({.offset = 0.5});
  for (int i = 0; i < 3; ++i) update();
  time_s_ = 0;
  paint({.offset = -0.5});
  update();
  ASSERT_TRUE(tracker_.lane().position_m);
  EXPECT_NEAR(tracker_.lane().position_m->value, -0.5, 0.05);
}

}  // namespace
}  // namespace tarsier::vision
