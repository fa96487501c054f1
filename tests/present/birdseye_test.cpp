// The road from above: where things are drawn, and that nothing jumps.
#include "present/birdseye.hpp"

#include <algorithm>
#include <cmath>

#include "present/scene_fixture.hpp"

namespace tarsier::present {
namespace {

constexpr int kCar = 1;
const std::vector<std::string> kClasses = {"person", "car", "truck", "traffic light"};
constexpr double kStep = 0.04;

vision::Track track(int64_t id, double ahead, double right, double speed = 0, int class_id = kCar) {
  vision::Track out;
  out.id = id;
  out.class_id = class_id;
  out.state = vision::TrackState::kTracked;
  out.distance_m = vision::Measured{float(ahead), 0.5F};
  out.lateral_m = vision::Measured{float(right), 0.1F};
  out.relative_speed_mps = vision::Measured{float(speed), 0.2F};
  out.lateral_speed_mps = vision::Measured{0, 0.2F};
  return out;
}

vision::Lane lane(double left, double right, double heading = 0, double curvature = 0) {
  vision::Lane out;
  for (const size_t side : {0, 1}) {
    out.sides[side] = {.known = true, .seen = true, .confidence = 1};
    out.sides[side].lateral.value = float(side == 0 ? left : right);
  }
  out.heading = heading;
  out.curvature = vision::Measured{float(curvature), 1e-4F};
  out.far_m = 50;
  return out;
}

const PanelBox* box_of(const PanelInput& panel, int64_t id) {
  const auto found = std::ranges::find(panel.boxes, id, &PanelBox::number);
  return found == panel.boxes.end() ? nullptr : &*found;
}

TEST(BirdseyeView, LiesInItsCornerAndIsToScale) {
  const BirdseyeView view(Corner::kTopRight, 0.5, 60, 1280, 720);
  EXPECT_EQ(view.place().y1 - view.place().y0, 360);
  EXPECT_EQ(view.place().x1 - view.place().x0, 223);
  EXPECT_EQ(view.place().x1, 1280 - view.place().y0) << "the same margin to both edges";
  EXPECT_FLOAT_EQ(view.column(0), 1280 - 14 - 111.5F) << "the own vehicle is in the middle";
  EXPECT_NEAR(view.row(60), view.place().y0, 1e-3);
  EXPECT_NEAR(view.row(-BirdseyeView::kBehind_m), view.place().y1, 1e-3);
  EXPECT_NEAR(view.column(BirdseyeView::kHalf_m), view.place().x1, 1e-3);
  EXPECT_NEAR(view.row(20) - view.row(40), 20 * view.pixels_along(), 1e-3);
  EXPECT_NEAR(view.pixels_along(), 360 / 63.6, 1e-4);
  for (const Corner corner :
       {Corner::kTopLeft, Corner::kTopRight, Corner::kBottomLeft, Corner::kBottomRight}) {
    for (const double size : {0.2, 0.9}) {
      const Rect place = BirdseyeView(corner, size, 60, 200, 480).place();  // higher than wide
      EXPECT_GE(place.x0, 0);
      EXPECT_GE(place.y0, 0);
      EXPECT_LE(place.x1, 200);
      EXPECT_LE(place.y1, 480);
      EXPECT_FALSE(place.empty());
      const bool left = corner == Corner::kTopLeft || corner == Corner::kBottomLeft;
      const bool top = corner == Corner::kTopLeft || corner == Corner::kTopRight;
      EXPECT_EQ(place.x0 < 200 - place.x1, left && place.x1 - place.x0 < 150);
      if (size < 0.5) {
        EXPECT_EQ(place.y1 < 240, top);
      }
    }
  }
}

class BirdseyeTest : public ::testing::Test {
 protected:
  BirdseyeView view_{Corner::kTopRight, 0.5, 60, 1280, 720};
  Birdseye birdseye_{kClasses};
  const PanelInput& see(double time_s, const std::vector<vision::Track>& tracks,
                        const std::vector<int64_t>& warned = {}) {
    birdseye_.see(time_s, tracks, warned, nullptr, -1);
    return birdseye_.draw(time_s, view_, 17);
  }
};

TEST_F(BirdseyeTest, AVehicleIsWhereItsDistanceAndSideSay) {
  const PanelInput& panel = see(0, {track(1, 20, 3.5), track(2, 30, -3.5, 0, 2), track(3, 40, 0, 0, 0),
                                    track(4, 25, 0, 0, 3), track(5, 80, 0)});
  const PanelBox* car = box_of(panel, 1);
  ASSERT_NE(car, nullptr);
  EXPECT_NEAR(car->place.y1, view_.row(20), 0.01) << "its rear is what the distance is to";
  EXPECT_NEAR(car->place.y0, view_.row(24.4), 0.01);
  EXPECT_NEAR((car->place.x0 + car->place.x1) / 2, view_.column(3.5), 0.01);
  EXPECT_NEAR(car->place.x1 - car->place.x0, 1.8 * view_.pixels_across(), 0.01);
  const Rgb color = track_color(1);
  EXPECT_NEAR(car->color[0], color[0] / 255.0, 1e-3) << "that of its box in the picture";
  EXPECT_EQ(car->opacity, 1);
  const PanelBox *truck = box_of(panel, 2), *person = box_of(panel, 3);
  ASSERT_TRUE(truck != nullptr && person != nullptr);
  EXPECT_GT(truck->place.y1 - truck->place.y0, 1.5F * (car->place.y1 - car->place.y0));
  EXPECT_NEAR(person->place.x1 - person->place.x0, person->place.y1 - person->place.y0, 0.01) << "round";
  EXPECT_EQ(box_of(panel, 4), nullptr) << "a traffic light does not stand on the road";
  EXPECT_EQ(box_of(panel, 5), nullptr) << "beyond what it shows";
  EXPECT_EQ(panel.boxes.size(), 5U) << "and the own vehicle";
  EXPECT_NEAR((panel.boxes[1].place.x0 + panel.boxes[1].place.x1) / 2, view_.column(0), 0.01);
}

TEST_F(BirdseyeTest, WarnedOnesAreRedAndTheirArrowPointsHere) {
  const auto& color = box_of(see(0, {track(1, 30, 0, -8)}, {1}), 1)->color;
  EXPECT_GT(color[0], 0.8F);
  EXPECT_LT(color[1], 0.3F);
  const auto lowest = [&](double speed) {
    Birdseye birdseye(kClasses);
    birdseye.see(0, std::vector{track(1, 30, 0, speed)}, {}, nullptr, -1);
    float y = 0;
    for (const LineInput& line : birdseye.draw(0, view_, 17).lines) {
      for (const TrailPoint& point : line.points) {
        if (line.other.size() == 2 && point.opacity > 0.5F) y = std::max(y, point.y);
      }
    }
    return y;
  };
  EXPECT_NEAR(lowest(-8), view_.row(30 - 2 * 8), 0.5) << "where it will be in two seconds";
  EXPECT_EQ(lowest(-0.15), 0) << "no more than its deviation: no arrow";
  EXPECT_LT(lowest(-500), view_.place().y1) << "it ends in the panel";
}

/// Distances as noisy as they get, one lost track, one correction of 8 m: nothing moves faster than that.
TEST_F(BirdseyeTest, NothingJumps) {
  float last = 0, fastest = 0;
  for (int i = 0; i < 100; ++i) {
    const double jump = i >= 50 ? 8 : 0;
    const double noise = i % 2 == 0 ? 0.5 : -0.5;
    const PanelInput& panel = see(i * kStep, {track(1, 20 + jump + noise + i * 0.1, 0, 2.5)});
    const PanelBox* box = box_of(panel, 1);
    ASSERT_NE(box, nullptr);
    if (i > 1) fastest = std::max(fastest, std::abs(box->place.y1 - last));
    last = box->place.y1;
  }
  EXPECT_LT(fastest, 1.6 * view_.pixels_along());
  EXPECT_NEAR(last, view_.row(20 + 8 + 99 * 0.1), 0.4 * view_.pixels_along())
      << "it gets there, without a lag";
}

TEST_F(BirdseyeTest, MovesOnWithThePicturesTimeAndFades) {
  birdseye_.see(0, std::vector{track(1, 40, 0, -10)}, {}, nullptr, -1);
  birdseye_.draw(0, view_, 17);
  const float moved = box_of(birdseye_.draw(0.2, view_, 17), 1)->place.y1;
  EXPECT_NEAR(moved, view_.row(38), 0.05 * view_.pixels_along());
  // Appears and goes in steps.
  std::vector<float> shown;
  for (int i = 0; i < 40; ++i) {
    const bool there = i >= 5 && i < 25;
    const auto* box =
        box_of(see(0.3 + i * kStep, there ? std::vector{track(2, 30, 3)} : std::vector<vision::Track>{}), 2);
    shown.push_back(box == nullptr ? 0 : box->opacity);
  }
  for (size_t i = 1; i < shown.size(); ++i) EXPECT_LT(std::abs(shown[i] - shown[i - 1]), 0.2F) << i;
  EXPECT_EQ(shown[4], 0);
  EXPECT_EQ(shown[20], 1);
  EXPECT_EQ(shown[39], 0);
  auto lost = track(3, 30, 3);
  lost.state = vision::TrackState::kLost;
  see(10, {lost});
  EXPECT_LT(box_of(birdseye_.draw(10.4, view_, 17), 3)->opacity, 0.6F);
}

TEST_F(BirdseyeTest, TheLaneIsACurveThatFadesWhereItIsAGuess) {
  const vision::Lane own = lane(-1.6, 2.0, 0.01, 1 / 300.0);
  birdseye_.see(0, {}, {}, &own, 1);
  const PanelInput& panel = birdseye_.draw(0, view_, 17);
  std::vector<const LineInput*> curves;
  for (const LineInput& line : panel.lines) {
    if (line.points.size() > 4 && line.other.empty()) curves.push_back(&line);
  }
  ASSERT_EQ(curves.size(), 2U);
  for (const size_t side : {0, 1}) {
    const auto points = curves[side]->points;
    for (const TrailPoint& point : points) {
      const double z = (view_.row(0) - point.y) / view_.pixels_along();
      EXPECT_NEAR(point.x, view_.column(own.lateral_at(int(side), z)), 0.1);
    }
    EXPECT_EQ(points[5].opacity, 1);
    EXPECT_LT(points.back().opacity, 0.05F);
  }
  EXPECT_GT(curves[1]->color[0], 3 * curves[1]->color[1]) << "left on the right side: red";
  EXPECT_LT(curves[0]->color[0], 3 * curves[0]->color[1]);
  // Gone in steps.
  float before = curves[0]->opacity;
  for (int i = 1; i < 12; ++i) {
    birdseye_.see(i * kStep, {}, {}, nullptr, -1);
    float now = 0;
    for (const LineInput& line : birdseye_.draw(i * kStep, view_, 17).lines) {
      if (line.points.size() > 4 && line.other.empty()) now = line.opacity;
    }
    EXPECT_LT(before - now, 0.2F);
    before = now;
  }
  EXPECT_EQ(before, 0);
}

TEST_F(BirdseyeTest, ASourceThatGoesBackStartsAnew) {
  see(10, {track(1, 30, 0), track(2, 20, 0)});
  const PanelInput& panel = see(1, {track(1, 50, 0)});
  EXPECT_NEAR(box_of(panel, 1)->place.y1, view_.row(50), 0.1);
  EXPECT_EQ(box_of(panel, 2), nullptr);
}

/// As it is drawn.
class BirdseyePicture : public test::SceneTest {
 protected:
  /// A road in `shade`, the panel over it.
  void draw_road(int width, int height, Corner corner = Corner::kTopRight) {
    const BirdseyeView view(corner, 0.45, 60, width, height);
    Birdseye birdseye(kClasses);
    std::vector<vision::Track> tracks{
        track(3, 14, 0.2, -6),  track(12, 22, -3.7, 18),  track(7, 30, 3.6, 0),     track(21, 33, 0, 2, 2),
        track(22, 36, 3.9, -1), track(5, 11, 7.0, -3, 0), track(31, 45, -3.9, -14), track(32, 52, -0.3, 1)};
    for (auto& one : tracks)
      one.distance_m->sigma =
          0.02F * one.distance_m->value + 0.001F * one.distance_m->value * one.distance_m->value;
    const vision::Lane own = lane(-1.7, 1.95, 0.004, 1 / 900.0);
    birdseye.see(0, tracks, std::vector<int64_t>{3}, &own, -1);
    panel_ = &birdseye.draw(0, view, text_pixels_of(height));
    draw(uint32_t(width), uint32_t(height), {});
    panel_ = nullptr;
  }
  static float text_pixels_of(int height) { return std::round(13 + float(height - 480) / 60); }
};

TEST_F(BirdseyePicture, KnownPositionsAreKnownPixels) {
  const BirdseyeView view(Corner::kTopLeft, 0.9, 60, kWidth, kHeight);
  Birdseye birdseye(kClasses);
  birdseye.see(0, std::vector{track(9, 30, 4)}, {}, nullptr, -1);
  panel_ = &birdseye.draw(0, view, 11);
  draw(kWidth, kHeight, {});
  const auto pixel = [&](double right, double ahead) {
    return std::pair(uint32_t(view.column(right)), uint32_t(view.row(ahead)));
  };
  const auto [x, y] = pixel(4, 32);
  EXPECT_TRUE(is_color(x, y, track_color(9), 8));
  const auto [own_x, own_y] = pixel(0, -1.5);
  EXPECT_TRUE(is_color(own_x, own_y, {242, 245, 250}, 8)) << "the own vehicle is white";
  const Rect& place = view.place();
  EXPECT_EQ(changed(uint32_t(place.x1) + 2, 0, kWidth, kHeight), 0U) << "nothing is drawn beside it";
  EXPECT_EQ(changed(0, 0, kWidth, uint32_t(place.y0) - 1), 0U);
  EXPECT_GT(changed(uint32_t(place.x0), uint32_t(place.y0), uint32_t(place.x1), uint32_t(place.y1)),
            size_t((place.x1 - place.x0) * (place.y1 - place.y0) * 0.97F));
  EXPECT_TRUE(unchanged(uint32_t(place.x0), uint32_t(place.y0))) << "its corners are round";
}

TEST_F(BirdseyePicture, IsThereAtEverySizeAndOverEverything) {
  for (const auto& [width, height] : {std::pair(640, 480), std::pair(1280, 720)}) {
    draw_road(width, height);
    const Rect place = BirdseyeView(Corner::kTopRight, 0.45, 60, width, height).place();
    EXPECT_EQ(changed(0, 0, uint32_t(place.x0) - 2, uint32_t(height)), 0U);
    size_t bright = 0;
    for (auto y = uint32_t(place.y0); y < uint32_t(place.y1); ++y) {
      for (auto x = uint32_t(place.x0); x < uint32_t(place.x1); ++x) {
        const auto p = at(x, y);
        bright += p.r > 150 && p.g > 150 && p.b > 150 ? 1 : 0;
      }
    }
    EXPECT_GT(bright, size_t(height) / 2) << "words and the own vehicle stand out";
  }
}

}  // namespace
}  // namespace tarsier::present
