// Tracked objects in the picture: boxes, labels and trails.
#include <algorithm>

#include "present/scene_fixture.hpp"

namespace tarsier {
namespace {

using present::TrackBox;
using present::TrailPoint;
using test::Pixel;
using test::SceneTest;

TrackBox track(int64_t id, float x0, float y0, float x1, float y1) {
  TrackBox box;
  box.id = id;
  box.x0 = x0;
  box.y0 = y0;
  box.x1 = x1;
  box.y1 = y1;
  box.score = 0.87F;
  return box;
}

class TracksTest : public SceneTest {
 protected:
  void draw_tracks(const std::vector<TrackBox>& tracks) { draw(kWidth, kHeight, {}, {}, {}, tracks); }
  /// Pixels of a row that have the colour of an identity.
  [[nodiscard]] int colored(uint32_t y, uint32_t x0, uint32_t x1, int64_t id, int tolerance = 2) const {
    int count = 0;
    for (uint32_t x = x0; x < x1; ++x) count += is_color(x, y, present::track_color(id), tolerance) ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::vector<uint8_t> pixels() const {
    return {picture_->pixels.begin(), picture_->pixels.end()};
  }
};

TEST_F(TracksTest, BoxHasTheColourOfItsIdentity) {
  draw_tracks({track(7, 100, 90, 220, 200)});
  const present::Rgb color = present::track_color(7);
  for (uint32_t y : {199U, 200U}) EXPECT_TRUE(is_color(160, y, color)) << y;
  for (uint32_t x : {99U, 100U, 219U, 220U}) EXPECT_TRUE(is_color(x, 150, color)) << x;
  EXPECT_EQ(changed(106, 96, 214, 194), 0U) << "the inside is left alone";
  EXPECT_EQ(changed(0, 210, kWidth, kHeight), 0U);
  const auto before = pixels();
  TrackBox other = track(7, 100, 90, 220, 200);
  other.class_id = 2;
  draw_tracks({other});
  EXPECT_TRUE(is_color(160, 200, color)) << "whatever it is";
  EXPECT_NE(before, pixels()) << "its label says what";
}

TEST_F(TracksTest, TheBoxIsTheSameAsADetections) {
  draw(kWidth, kHeight, {{100, 90, 220, 200, 0.87F, 5, 0, 0}});
  const auto detection = pixels();
  draw_tracks({track(5, 100, 90, 220, 200)});  // identity 5 has the colour of class 5
  size_t differ = 0;
  for (uint32_t y = 96; y < kHeight; ++y) {
    for (uint32_t x = 0; x < kWidth * 4; ++x) {
      const size_t i = size_t(y) * kWidth * 4 + x;
      differ += detection[i] != picture_->pixels[i] ? 1 : 0;
    }
  }
  EXPECT_EQ(differ, 0U);
}

TEST_F(TracksTest, LabelHasTheNumber) {
  draw_tracks({track(24, 60, 100, 250, 220)});
  const auto first = pixels();
  draw_tracks({track(48, 60, 100, 250, 220)});  // the same colour
  size_t differ = 0;
  for (size_t i = 0; i < first.size(); ++i) differ += first[i] != picture_->pixels[i] ? 1 : 0;
  EXPECT_GT(differ, 30U);
  EXPECT_LT(differ, 1500U) << "two digits";
  EXPECT_EQ(changed(0, 0, kWidth, 70), 0U);
}

TEST_F(TracksTest, LabelTellsDistanceAndTimeToCollision) {
  TrackBox box = track(24, 60, 100, 250, 220);
  const auto label_end = [&] {  // the last column of the label's row that something is drawn in
    uint32_t end = 0;
    for (uint32_t x = 0; x < kWidth; ++x) end = unchanged(x, 90) ? end : x;
    return end;
  };
  draw_tracks({box});
  const auto with_score = pixels();
  box.distance_m = 23;
  draw_tracks({box});
  const uint32_t metres = label_end();
  const auto at_23 = pixels();
  EXPECT_NE(at_23, with_score) << "in the score's place";
  box.distance_m = 48;
  draw_tracks({box});
  EXPECT_NE(pixels(), at_23) << "the figure is drawn";
  box.ttc_s = 2.1F;
  draw_tracks({box});
  EXPECT_GT(label_end(), metres + 10) << "'2.1 s' comes after it";
}

TEST_F(TracksTest, WhatIsWarnedOfIsRed) {
  TrackBox box = track(24, 100, 90, 220, 200);
  const auto red = [&](uint32_t x, uint32_t y) {
    const Pixel p = at(x, y);
    return p.r > 170 && p.g < 90 && p.b < 90;
  };
  draw_tracks({box});
  EXPECT_FALSE(red(160, 202));
  box.warned = true;
  draw_tracks({box});
  for (uint32_t y : {202U, 204U}) EXPECT_TRUE(red(160, y)) << "around its own frame, at " << y;
  EXPECT_TRUE(red(97, 150));
  EXPECT_TRUE(is_color(160, 200, present::track_color(24)));
  EXPECT_EQ(changed(110, 100, 210, 190), 0U) << "the inside is left alone";
}

TEST_F(TracksTest, TheBannerIsRedAtTheTop) {
  draw(kWidth, kHeight, {}, {}, {}, {}, "COLLISION 2.1 s");
  size_t red = 0, white = 0;
  for (uint32_t y = 0; y < kHeight / 5; ++y) {
    for (uint32_t x = 0; x < kWidth; ++x) {
      const Pixel p = at(x, y);
      red += !unchanged(x, y) && p.r > 150 && p.g < 80 && p.b < 80 ? 1 : 0;
      white += !unchanged(x, y) && p.r > 220 && p.g > 220 && p.b > 220 ? 1 : 0;
    }
  }
  EXPECT_GT(red, 800U);
  EXPECT_GT(white, 40U) << "its text";
  EXPECT_EQ(changed(0, kHeight / 4, kWidth, kHeight), 0U) << "nothing else";
}

TEST_F(TracksTest, LabelStaysInThePicture) {
  draw_tracks({track(1, 0, 0, 80, 60), track(2, 300, 150, 321, 243)});
  EXPECT_GT(changed(2, 2, 90, 20), 500U) << "inside the box at the upper edge";
  EXPECT_GT(colored(137, 180, kWidth, 2, 24), 10) << "to the left at the right edge";
}

TEST_F(TracksTest, ALostOneIsDashedAndFades) {
  draw_tracks({track(3, 60, 90, 260, 200)});
  const int whole = colored(199, 60, 260, 3);
  TrackBox lost = track(3, 60, 90, 260, 200);
  lost.lost = true;
  draw_tracks({lost});
  const int dashed = colored(199, 60, 260, 3);
  EXPECT_GT(whole, 180);
  EXPECT_GT(dashed, whole / 4);
  EXPECT_LT(dashed, whole * 3 / 4);
  int gaps = 0;
  for (uint32_t x = 61; x < 260; ++x) gaps += unchanged(x, 199) && !unchanged(x - 1, 199) ? 1 : 0;
  EXPECT_GE(gaps, 6) << "nothing is drawn between dashes";
  lost.opacity = 0.25F;
  draw_tracks({lost});
  EXPECT_EQ(colored(199, 60, 260, 3), 0);
  EXPECT_GT(changed(60, 199, 260, 200), 40U);
  lost.opacity = 0;
  draw_tracks({lost});
  EXPECT_EQ(changed(0, 0, kWidth, kHeight), 0U);
}

TEST_F(TracksTest, ATrailFollowsItsPointsAndFades) {
  std::vector<TrailPoint> points;
  for (int i = 0; i <= 10; ++i) points.push_back({20 + 20.0F * float(i), 180.5F, float(i) / 10});
  TrackBox box = track(4, 200, 100, 240, 180.5F);
  box.trail = points;
  draw_tracks({box});
  const present::Rgb color = present::track_color(4);
  const auto distance = [&](uint32_t x, uint32_t y) {
    const Pixel p = at(x, y);
    return std::abs(p.r - color[0]) + std::abs(p.g - color[1]) + std::abs(p.b - color[2]);
  };
  EXPECT_TRUE(unchanged(22, 188));
  EXPECT_LT(distance(190, 180), distance(120, 180));
  EXPECT_LT(distance(120, 180), distance(50, 180));
  EXPECT_LT(distance(190, 180), 90);
  // Pieces join without a seam: along the line the colour changes smoothly.
  for (uint32_t x = 40; x < 180; ++x) EXPECT_LE(distance(x, 180), distance(x - 1, 180) + 6) << x;
}

TEST_F(TracksTest, ATrailIsAntiAliasedAndTurnsCleanly) {
  const std::vector<TrailPoint> points{{40, 60, 1}, {150, 130, 1}, {60, 200, 1}, {60, 200, 1}, {62, 120, 1}};
  TrackBox box = track(6, 280, 20, 310, 60);
  box.trail = points;
  draw_tracks({box});
  const present::Rgb color = present::track_color(6);
  // Across the slanted piece: from the ground to the colour over several steps, on both sides.
  int between = 0, full = 0;
  for (uint32_t y = 80; y < 110; ++y) {
    if (is_color(95, y, color, 12)) {
      ++full;
    } else if (!unchanged(95, y)) {
      ++between;
    }
  }
  EXPECT_GE(full, 2);
  EXPECT_GE(between, 4);
  EXPECT_TRUE(unchanged(170, 130)) << "the turn ends near its point";
  EXPECT_LT(changed(0, 0, 270, kHeight), 4500U) << "no corner of a piece flies off";
}

TEST_F(TracksTest, BoxesOfDetectionsMustPassTheLeastScore) {
  least_score_ = 0.35F;
  draw(kWidth, kHeight,
       {{100, 90, 220, 200, 0.9F, 1, 0, 0},
        {20, 20, 80, 60, 0.36F, 2, 0, 0},
        {240, 90, 300, 200, 0.3F, 3, 0, 0}});
  EXPECT_TRUE(is_color(160, 200, present::class_color(1)));
  EXPECT_TRUE(is_color(50, 60, present::class_color(2)));
  EXPECT_TRUE(unchanged(270, 200));
  draw(kWidth, kHeight, {{240, 90, 300, 200, 0.3F, 3, 0, 0}});
  EXPECT_EQ(changed(0, 0, kWidth, kHeight), 0U);
}

TEST_F(TracksTest, LabelsDoNotCoverOneAnother) {
  // Two cars side by side and far away, the nearer one to the right: their labels are wider than they are.
  std::vector<TrackBox> boxes{track(1, 100, 100, 140, 120), track(2, 130, 104, 170, 126)};
  draw_tracks({boxes[1]});
  std::vector<std::pair<uint32_t, uint32_t>> label;
  for (uint32_t y = 75; y < 103; ++y) {
    for (uint32_t x = 130; x < 260; ++x) {
      if (is_color(x, y, present::track_color(2), 20)) label.emplace_back(x, y);
    }
  }
  EXPECT_GT(label.size(), 700U);
  draw_tracks(boxes);
  // The other one's edge shines through its label, but nothing lies over it.
  for (const auto& [x, y] : label) EXPECT_TRUE(is_color(x, y, present::track_color(2), 32)) << x << " " << y;
  const auto area = [&](int64_t id) {
    int count = 0;
    for (uint32_t y = 40; y < 200; ++y) count += colored(y, 20, 300, id, 20);
    return count;
  };
  EXPECT_GT(area(1), 700) << "the other one's stands elsewhere";
  // Where there is no place left, a label is left out; the box is not.
  boxes.insert(boxes.begin(),
               {track(3, 104, 92, 136, 108), track(4, 108, 97, 138, 114), track(5, 112, 101, 141, 118)});
  draw_tracks(boxes);
  EXPECT_GT(colored(92, 104, 136, 3, 20), 20) << "its box is drawn";
  EXPECT_LT(area(3), 300) << "its label is not";
  EXPECT_GT(area(2), 700);
}

TEST_F(TracksTest, ACrowdIsBoundedAndSafe) {
  std::vector<TrailPoint> points(100, TrailPoint{10, 10, 1});
  for (size_t i = 0; i < points.size(); ++i) points[i].x = float(i * 3);
  std::vector<TrackBox> many;
  for (int i = 0; i < 500; ++i) {
    const float x = float(i % 20) * 16, y = float(i / 20) * 10;
    many.push_back(track(i + 1, x, y, x + 10, y + 10));
    many.back().class_id = i * 7 - 9;
    many.back().trail = points;
  }
  draw_tracks(many);
  EXPECT_GT(changed(0, 0, kWidth, kHeight), size_t(kWidth) * kHeight / 4);
  EXPECT_EQ(changed(0, 160, kWidth, kHeight), 0U) << "beyond kMaxTracksDrawn nothing is drawn";
}

}  // namespace
}  // namespace tarsier
