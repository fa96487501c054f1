// Distance, speed and time to collision against a made-up road with known truth.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numbers>
#include <random>

#include "vision/ground_plane.hpp"
#include "vision/range_filter.hpp"

namespace tarsier::vision {
namespace {

constexpr int kWidth = 1280, kHeight = 720;
constexpr double kStep = 0.04;

CameraDesc camera() {
  CameraDesc desc;
  desc.height_m = 1.3;
  desc.pitch_deg = -2;
  desc.fov_deg = 58;
  desc.sigma_row_px = 1;
  desc.sigma_pitch_deg = 0;
  desc.sigma_height_m = 0;
  return desc;
}

GroundPlane plane_of(const CameraDesc& desc) {
  auto plane = GroundPlane::create(desc, kWidth, kHeight);
  EXPECT_TRUE(plane.ok());
  return *std::move(plane);
}

struct Pixel {
  double x, y;
};

/// A point `ahead`, `right` and `up` of the point on the road below the camera: by turning it into the
/// camera's axes, not by angles as the engine does.
Pixel project(const CameraDesc& desc, double ahead, double right, double up) {
  const double p = desc.pitch_deg * std::numbers::pi / 180;
  const double focal = kWidth / 2.0 / std::tan(desc.fov_deg * std::numbers::pi / 360);
  const double down = desc.height_m - up;
  const double depth = ahead * std::cos(p) + down * std::sin(p);
  return {kWidth / 2.0 + focal * right / depth,
          kHeight / 2.0 + focal * (down * std::cos(p) - ahead * std::sin(p)) / depth};
}

/// The box of the rear of a car, 1.8 m wide and 1.5 m high, as a detector gives it: within the picture.
Track car(const CameraDesc& desc, double ahead, double right, double noise_px = 0) {
  const Pixel low = project(desc, ahead, right - 0.9, 0), high = project(desc, ahead, right + 0.9, 1.5);
  Track track;
  track.id = 1;
  track.seen_x0 = track.x0 = float(std::clamp(low.x, 0.0, double(kWidth)));
  track.seen_x1 = track.x1 = float(std::clamp(high.x, 0.0, double(kWidth)));
  track.seen_y0 = track.y0 = float(std::clamp(high.y, 0.0, double(kHeight)));
  track.seen_y1 = track.y1 = float(std::clamp(low.y + noise_px, 0.0, double(kHeight)));
  return track;
}

TEST(GroundPlane, GivesBackWhatWasProjected) {
  for (const double pitch : {-5.0, 0.0, 3.0, 12.0}) {
    CameraDesc desc = camera();
    desc.pitch_deg = pitch;
    const GroundPlane plane = plane_of(desc);
    for (const double ahead : {4.0, 11.0, 35.0}) {
      const Pixel pixel = project(desc, ahead, -2.5, 0);
      const auto point = plane.at(pixel.x, pixel.y);
      ASSERT_TRUE(point.has_value());
      EXPECT_NEAR(point->distance_m, ahead, 1e-6 * ahead);
      EXPECT_NEAR(point->lateral_m, -2.5, 1e-6);
      EXPECT_NEAR(plane.row_of(ahead), pixel.y, 1e-6);
    }
    EXPECT_FALSE(plane.at(600, plane.horizon_row()).has_value());
    EXPECT_FALSE(plane.at(600, plane.horizon_row() - 50).has_value());
    EXPECT_FALSE(plane.at(600, plane.horizon_row() + 1).has_value()) << "a row is half the distance here";
  }
}

TEST(GroundPlane, PrincipalPointAndFocalLengthInPixelsTakeThePlaceOfTheFieldOfView) {
  CameraDesc desc = camera();
  desc.fov_deg = -1;
  desc.fx_px = 1000;
  desc.cy_px = 400;
  desc.pitch_deg = 0;
  const GroundPlane plane = plane_of(desc);
  EXPECT_DOUBLE_EQ(plane.horizon_row(), 400);
  EXPECT_NEAR(plane.at(640, 465)->distance_m, 20, 1e-9);
}

/// Against what changing a value by a little changes.
TEST(GroundPlane, DeviationsAreThoseOfTheFirstOrder) {
  CameraDesc desc = camera();
  desc.sigma_row_px = 2;
  const double row = project(desc, 25, 0, 0).y, step = 1e-4;
  const auto distance = [&](CameraDesc d, double y) { return plane_of(d).at(640, y)->distance_m; };
  EXPECT_NEAR(plane_of(desc).at(640, row)->sigma_row_m,
              2 * std::abs(distance(desc, row + step) - distance(desc, row - step)) / (2 * step), 1e-3);
  CameraDesc up = desc, down = desc;
  up.pitch_deg += step;
  down.pitch_deg -= step;
  desc.sigma_pitch_deg = 0.3;
  EXPECT_NEAR(plane_of(desc).camera_sigma_of_distance(25),
              0.3 * std::abs(distance(up, row) - distance(down, row)) / (2 * step), 1e-3);
  const double ttc = 2.5, nearer = project(camera(), 25 - 10 * step, 0, 0).y;  // 10 m/s
  const auto tau = [&](const CameraDesc& d) {
    return distance(d, row) * step / (distance(d, row) - distance(d, nearer));
  };
  EXPECT_NEAR(plane_of(desc).camera_sigma_of_ttc(25, ttc), 0.3 * std::abs(tau(up) - tau(down)) / (2 * step),
              2e-3);
}

TEST(GroundPlane, ImpossibleValuesAreToldInOneLine) {
  const auto refused = [](auto change) {
    CameraDesc desc = camera();
    change(desc);
    const auto plane = GroundPlane::create(desc, kWidth, kHeight);
    if (plane.ok()) return std::string();
    EXPECT_EQ(plane.error().exit_code(), 2);
    return plane.error().message;
  };
  EXPECT_EQ(refused([](CameraDesc&) {}), "");
  EXPECT_EQ(refused([](CameraDesc& d) { d.height_m = 0; }),
            "camera.height: 0 is impossible; metres above the road, more than 0");
  EXPECT_NE(refused([](CameraDesc& d) { d.height_m = -1.2; }).find("camera.height: -1.2 is"),
            std::string::npos);
  for (const double bad : {0.0, -5.0, 180.0, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_NE(refused([&](CameraDesc& d) { d.fov_deg = bad; }).find("between 0 and 180"), std::string::npos);
  for (const double bad : {90.0, -90.0, std::numeric_limits<double>::infinity()})
    EXPECT_NE(refused([&](CameraDesc& d) { d.pitch_deg = bad; }).find("camera.pitch"), std::string::npos);
  EXPECT_NE(refused([](CameraDesc& d) { d.fx_px = -3; }).find("camera.fx"), std::string::npos);
}

struct Errors {
  double distance = 0, ttc = 0;  // root mean square, relative
  int distances = 0, ttcs = 0, no_ttc = 0;
};

TEST(TrackRange, FollowsCarsOfKnownDistanceAndSpeed) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, 1);
  const GroundPlane plane = plane_of(camera());
  Errors errors;
  for (int run = 0; run < 60; ++run) {
    const double start = 25 + run % 4 * 8, speed = -5.0 - run % 5 * 2.0;
    TrackRange range;
    for (int i = 0;; ++i) {
      const double time = 3 + i * kStep, ahead = start + speed * i * kStep;
      if (ahead < 6) break;
      Track track = car(camera(), ahead, 0.3, noise(random));
      range.update(track, true, time, plane, kWidth, kHeight, 0.5);
      range.fill(track, plane);
      if (i < 25) continue;  // a second to settle
      ASSERT_TRUE(track.distance_m.has_value());
      errors.distance += std::pow(track.distance_m->value / ahead - 1, 2);
      ++errors.distances;
      EXPECT_NEAR(track.lateral_m->value, 0.3, 0.1);
      if (ahead / -speed > 3) continue;
      if (!track.ttc_s) {
        ++errors.no_ttc;
        continue;
      }
      errors.ttc += std::pow(track.ttc_s->value / (ahead / -speed) - 1, 2);
      ++errors.ttcs;
    }
  }
  ASSERT_GT(errors.ttcs, 1000);
  EXPECT_EQ(errors.no_ttc, 0);
  const double distance = std::sqrt(errors.distance / errors.distances);
  const double ttc = std::sqrt(errors.ttc / errors.ttcs);
  printf("root mean square error: distance %.2f %%, time to collision %.2f %%\n", 100 * distance, 100 * ttc);
  EXPECT_LT(distance, 0.03);
  EXPECT_LT(ttc, 0.05);
}

/// A car that moves to the side, and one that the picture's edge cuts off.
TEST(TrackRange, KnowsWhereToTheSideAndHowFast) {
  std::mt19937 random(3);
  std::normal_distribution<double> noise(0, 1);
  const GroundPlane plane = plane_of(camera());
  int within = 0, all = 0;
  for (int run = 0; run < 100; ++run) {
    const double across = -2 + run % 5, ahead = 14 + run % 7 * 4;
    TrackRange range;
    Track track;
    for (int i = 0; i < 50; ++i) {
      track = car(camera(), ahead, -1 + across * i * kStep, noise(random));
      range.update(track, true, i * kStep, plane, kWidth, kHeight, 0.5);
    }
    range.fill(track, plane);
    ASSERT_TRUE(track.lateral_m && track.lateral_speed_mps);
    EXPECT_NEAR(track.lateral_m->value, -1 + across * 49 * kStep, 0.25);
    EXPECT_NEAR(track.lateral_speed_mps->value, across, 0.35);
    within += std::abs(track.lateral_speed_mps->value - across) < 2 * track.lateral_speed_mps->sigma ? 1 : 0;
    ++all;
  }
  EXPECT_GE(within, all * 9 / 10);
  TrackRange range;
  int cut = 0;
  for (int i = 0; i < 60; ++i) {
    const double right = 2.5 + 2 * i * kStep;
    Track track = car(camera(), 9, right);
    range.update(track, true, i * kStep, plane, kWidth, kHeight, 0.5);
    range.fill(track, plane);
    if (i < 20 || track.seen_x1 - track.seen_x0 < 5) continue;
    cut += track.seen_x1 == float(kWidth) ? 1 : 0;
    EXPECT_NEAR(track.lateral_m->value, right, 0.1) << i << ": not the middle of what is left of it";
  }
  EXPECT_GT(cut, 10);
}

TEST(TrackRange, DeviationsAreCalibrated) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal(0, 1);
  CameraDesc told = camera();
  told.sigma_pitch_deg = 0.1;
  told.sigma_height_m = 0.05;
  const GroundPlane plane = plane_of(told);
  int all = 0, distance = 0, speed_within = 0, lateral = 0, ttcs = 0, ttc = 0;
  for (int run = 0; run < 400; ++run) {
    CameraDesc truth = told;
    truth.pitch_deg += 0.1 * normal(random);
    truth.height_m += 0.05 * normal(random);
    double ahead = 22 + run % 9, speed = -3.0 - run % 4;
    const double right = 3.0 * (run % 3 - 1);
    TrackRange range;
    Track track;
    for (int i = 0; i < 60; ++i) {
      track = car(truth, ahead, right, normal(random));
      range.update(track, true, i * kStep, plane, kWidth, kHeight, 0.5);
      if (i == 59) break;
      ahead += speed * kStep;
      speed += 0.5 * std::sqrt(kStep) * normal(random);
    }
    range.fill(track, plane);
    ASSERT_TRUE(track.distance_m && track.relative_speed_mps && track.lateral_m);
    const auto within = [](const Measured& m, double value) {
      return std::abs(m.value - value) < 2 * m.sigma;
    };
    ++all;
    distance += within(*track.distance_m, ahead) ? 1 : 0;
    speed_within += within(*track.relative_speed_mps, speed) ? 1 : 0;
    lateral += within(*track.lateral_m, right) ? 1 : 0;
    if (track.ttc_s) {
      ++ttcs;
      ttc += within(*track.ttc_s, ahead / -speed) ? 1 : 0;
    }
  }
  ASSERT_GT(ttcs, 300);
  printf("within two deviations: distance %.3f, speed %.3f, time to collision %.3f, to the side %.3f\n",
         double(distance) / all, double(speed_within) / all, double(ttc) / ttcs, double(lateral) / all);
  for (const double share :
       {double(distance) / all, double(speed_within) / all, double(ttc) / ttcs, double(lateral) / all}) {
    EXPECT_GE(share, 0.9);
    EXPECT_LE(share, 0.99) << "larger than the errors are";
  }
}

TEST(TrackRange, NoTimeToCollisionWithoutClosingIn) {
  std::mt19937 random(5);
  std::normal_distribution<double> noise(0, 1);
  const GroundPlane plane = plane_of(camera());
  for (const double speed : {0.0, 4.0}) {
    TrackRange range;
    int told = 0;
    for (int i = 0; i < 200; ++i) {
      Track track = car(camera(), 20 + speed * i * kStep, 0, noise(random));
      range.update(track, true, i * kStep, plane, kWidth, kHeight, 0.5);
      range.fill(track, plane);
      told += i > 25 && track.ttc_s && track.ttc_s->value < 10 ? 1 : 0;
    }
    EXPECT_LE(told, 5) << speed;
  }
}

TEST(TrackRange, TheWidthGoesOnWhereTheContactIsBelowThePicture) {
  const GroundPlane plane = plane_of(camera());
  for (const bool seen_before : {true, false}) {
    TrackRange range;
    int without_contact = 0;
    for (int i = 0;; ++i) {
      const double ahead = (seen_before ? 8 : 3.4) - 1.5 * i * kStep;
      if (ahead < 2.2) break;
      Track track = car(camera(), ahead, 0);
      range.update(track, true, i * kStep, plane, kWidth, kHeight, 0.5);
      range.fill(track, plane);
      if (track.seen_y1 < kHeight || i < 12) continue;
      ++without_contact;
      ASSERT_TRUE(track.ttc_s.has_value());
      EXPECT_NEAR(track.ttc_s->value, ahead / 1.5, 0.05 * ahead / 1.5);
      EXPECT_EQ(track.distance_m.has_value(), seen_before) << "a width in pixels alone is no distance";
      if (track.distance_m) {
        EXPECT_NEAR(track.distance_m->value, ahead, 0.03 * ahead);
      }
    }
    EXPECT_GT(without_contact, 5);
  }
}

TEST(TrackRange, OneBoxThatDoesNotFitIsLeftOutAndWhatIsNotSeenIsForgotten) {
  const GroundPlane plane = plane_of(camera());
  TrackRange range;
  double time = 0;
  const auto frame = [&](double ahead, bool seen) {
    Track track = car(camera(), ahead, 0);
    range.update(track, seen, time += kStep, plane, kWidth, kHeight, 0.5);
    range.fill(track, plane);
    return track.distance_m ? double(track.distance_m->value) : -1;
  };
  for (int i = 0; i < 50; ++i) frame(20, true);
  EXPECT_NEAR(frame(40, true), 20, 0.3);
  EXPECT_NEAR(frame(20, true), 20, 0.3);
  for (int i = 0; i < 3; ++i) frame(40, true);
  EXPECT_NEAR(frame(40, true), 40, 1) << "three in a row are the truth";
  for (int i = 0; i < 20; ++i) EXPECT_GT(frame(40, false), 0);
  for (int i = 0; i < 10; ++i) frame(40, false);
  EXPECT_EQ(frame(40, false), -1);
}

TEST(CollisionWarning, BeginsAndEndsWithHysteresis) {
  CollisionWarning warning;
  const CollisionWarning::Params params{.warn_s = 2, .clear_s = 3, .frames = 3};
  const auto frames = [&](int n, std::optional<double> ttc, bool in_path = true, bool seen = true) {
    for (int i = 0; i < n; ++i) warning.update(ttc, in_path, seen, params);
    return warning.on();
  };
  EXPECT_FALSE(frames(2, 1.5));
  EXPECT_FALSE(frames(1, 2.5)) << "counting starts anew";
  EXPECT_FALSE(frames(2, 1.5));
  EXPECT_FALSE(frames(10, 1.5, false)) << "beside the path";
  EXPECT_FALSE(frames(10, 1.5, true, false)) << "out of sight";
  EXPECT_TRUE(frames(3, 1.5));
  EXPECT_TRUE(frames(50, 2.5)) << "between the thresholds it stays";
  EXPECT_TRUE(frames(2, 3.5));
  EXPECT_TRUE(frames(1, 1.5));
  EXPECT_TRUE(frames(10, 1.9, true, false)) << "hidden for a moment";
  EXPECT_FALSE(frames(3, 3.5));
  EXPECT_TRUE(frames(3, 1.5));
  EXPECT_FALSE(frames(3, std::nullopt));
  EXPECT_TRUE(frames(3, 1.5));
  EXPECT_FALSE(frames(3, 1.5, false));
}

}  // namespace
}  // namespace tarsier::vision
