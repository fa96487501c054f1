// Zones and lines with paths whose counts are known.
#include "vision/zones.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

namespace tarsier::vision {
namespace {

constexpr int kWidth = 1000, kHeight = 500, kPerson = 0, kCar = 2;
constexpr double kStep = 0.1;

ZoneShape line(Point from, Point to) {
  return {"line", true, {from, to}};
}
ZoneShape zone(std::vector<Point> points) {
  return {"zone", false, std::move(points)};
}
const ZoneShape kSquare = zone({{0.4, 0.4}, {0.6, 0.4}, {0.6, 0.8}, {0.4, 0.8}});  // 400..600, 200..400
const ZoneShape kUp = line({0.5, 0.9}, {0.5, 0.1});  // forward is from the left to the right

class ZonesTest : public ::testing::Test {
 protected:
  ZoneCounter counter_;
  ZoneParams params_;
  double time_s_ = 0;

  void shapes(std::vector<ZoneShape> all) {
    for (const auto& one : all) ASSERT_EQ(fault_of(one), "");
    counter_ = ZoneCounter(std::move(all));
  }
  /// Somebody 40 pixels high (band: 4) whose feet are there.
  static Track at(double x, double y, int64_t id = 1, int32_t class_id = kPerson,
                  TrackState state = TrackState::kTracked) {
    Track track;
    track.id = id;
    track.class_id = class_id;
    track.state = state;
    track.x0 = float(x - 10);
    track.x1 = float(x + 10);
    track.y0 = float(y - 40);
    track.y1 = float(y);
    return track;
  }
  void frame(const std::vector<Track>& tracks) {
    counter_.update(time_s_, kWidth, kHeight, tracks, params_);
    time_s_ += kStep;
  }
  void walk(Point from, Point to, int steps, int64_t id = 1, int32_t class_id = kPerson) {
    for (int i = 0; i <= steps; ++i) {
      const double t = double(i) / steps;
      frame({at(from.x + t * (to.x - from.x), from.y + t * (to.y - from.y), id, class_id)});
    }
  }
};

TEST_F(ZonesTest, CountsCrossingsByDirectionAndClass) {
  shapes({kUp});
  walk({300, 250}, {700, 250}, 20);
  EXPECT_EQ(total(counter_.line(0).forward), 1U);
  EXPECT_EQ(total(counter_.line(0).backward), 0U);
  walk({700, 250}, {300, 250}, 13);
  walk({700, 300}, {300, 200}, 7, 2, kCar);
  walk({480, 450}, {700, 300}, 9, 3);
  const LineCount& count = counter_.line(0);
  EXPECT_EQ(count.forward.at(kPerson), 2U);
  EXPECT_EQ(count.backward.at(kPerson), 1U);
  EXPECT_EQ(count.backward.at(kCar), 1U);
  EXPECT_EQ(count.forward.count(kCar), 0U);
}

TEST_F(ZonesTest, TheFrameOfACrossingNamesWhoCrossed) {
  shapes({kUp});
  frame({at(480, 250, 7)});
  EXPECT_TRUE(counter_.line(0).crossed.empty());
  frame({at(520, 250, 7)});
  ASSERT_EQ(counter_.line(0).crossed.size(), 1U);
  EXPECT_EQ(counter_.line(0).crossed[0].track, 7);
  EXPECT_TRUE(counter_.line(0).crossed[0].forward);
  frame({at(560, 250, 7)});
  EXPECT_TRUE(counter_.line(0).crossed.empty());
}

TEST_F(ZonesTest, WhoPassesTheEndOfALineDoesNotCrossIt) {
  shapes({kUp});  // from row 450 to row 50
  walk({300, 460}, {700, 460}, 20, 1);
  walk({300, 40}, {700, 40}, 20, 2);
  EXPECT_EQ(total(counter_.line(0).forward), 0U);
  walk({700, 460}, {700, 250}, 5, 1);  // and back over it
  walk({700, 250}, {300, 250}, 20, 1);
  EXPECT_EQ(total(counter_.line(0).backward), 1U);
  EXPECT_EQ(total(counter_.line(0).forward), 0U);
}

TEST_F(ZonesTest, JitterOnALineIsNoCrossing) {
  shapes({kUp});
  walk({400, 250}, {498, 250}, 10);
  for (int i = 0; i < 50; ++i) frame({at(500 + (i % 2 == 0 ? 3 : -3), 250 + i % 3)});
  EXPECT_EQ(total(counter_.line(0).forward) + total(counter_.line(0).backward), 0U);
  walk({501, 250}, {600, 250}, 10);
  EXPECT_EQ(total(counter_.line(0).forward), 1U) << "one count for one crossing";
  EXPECT_EQ(total(counter_.line(0).backward), 0U);
  // Up to the line and back again.
  walk({600, 250}, {499, 250}, 10);
  walk({499, 250}, {600, 250}, 10);
  EXPECT_EQ(total(counter_.line(0).backward), 0U);
  EXPECT_EQ(total(counter_.line(0).forward), 1U);
  // A larger box jitters more.
  ZoneCounter large({kUp});
  for (int i = 0; i < 50; ++i) {
    Track track = at(500 + (i % 2 == 0 ? 20 : -20), 400);
    track.y0 = 100;
    large.update(i * kStep, kWidth, kHeight, std::vector{track}, params_);
  }
  EXPECT_EQ(total(large.line(0).forward) + total(large.line(0).backward), 0U);
}

TEST_F(ZonesTest, WhoIsLostOnALineAndRegainedCrossedItOnce) {
  shapes({kUp});
  walk({400, 250}, {490, 250}, 9);
  for (int i = 0; i < 8; ++i)  // where he is expected does not count
    frame({at(490 + 10 * i, 250, 1, kPerson, TrackState::kLost)});
  EXPECT_EQ(total(counter_.line(0).forward), 0U);
  frame({at(560, 250)});
  EXPECT_EQ(total(counter_.line(0).forward), 1U);
  // Lost before it and never regained.
  walk({400, 250}, {490, 250}, 9, 2);
  for (int i = 0; i < 8; ++i) frame({at(500 + 10 * i, 250, 2, kPerson, TrackState::kLost)});
  frame({at(580, 250, 2, kPerson, TrackState::kRemoved)});
  EXPECT_EQ(total(counter_.line(0).forward), 1U);
  // Another number beyond the line is somebody else.
  frame({at(560, 250, 3)});
  EXPECT_EQ(total(counter_.line(0).forward), 1U);
}

TEST_F(ZonesTest, CountsWhoIsInAZoneAndForHowLong) {
  shapes({kSquare});
  walk({300, 300}, {390, 300}, 9);
  EXPECT_TRUE(counter_.zone(0).inside.empty());
  const double before = time_s_;
  walk({410, 300}, {590, 300}, 20);  // 21 frames within
  ASSERT_EQ(counter_.zone(0).inside.size(), 1U);
  EXPECT_EQ(counter_.zone(0).inside[0].track, 1);
  EXPECT_NEAR(counter_.zone(0).inside[0].dwell_s, 20 * kStep, 1e-9);
  EXPECT_EQ(counter_.zone(0).entered.at(kPerson), 1U);
  EXPECT_FALSE(counter_.zone(0).mean_dwell_s().has_value());
  const double within = time_s_ - before;
  walk({610, 300}, {800, 300}, 10);
  EXPECT_TRUE(counter_.zone(0).inside.empty());
  EXPECT_EQ(counter_.zone(0).left.at(kPerson), 1U);
  EXPECT_NEAR(*counter_.zone(0).mean_dwell_s(), within, 1e-9);
}

TEST_F(ZonesTest, TheMeanIsOverVisits) {
  shapes({kSquare});
  const auto visit = [&](int64_t id, int frames) {
    frame({at(300, 300, id)});
    for (int i = 0; i < frames; ++i) frame({at(500, 300, id)});
    frame({at(700, 300, id)});
  };
  visit(1, 10);
  visit(2, 20);
  visit(1, 30);  // again
  EXPECT_EQ(counter_.zone(0).visits, 3U);
  EXPECT_EQ(counter_.zone(0).entered.at(kPerson), 3U);
  EXPECT_NEAR(*counter_.zone(0).mean_dwell_s(), 20 * kStep, 1e-9);
}

TEST_F(ZonesTest, JitterOnAnEdgeNeitherEntersNorLeaves) {
  shapes({kSquare});
  walk({300, 300}, {398, 300}, 10);
  for (int i = 0; i < 60; ++i) frame({at(400 + (i % 2 == 0 ? 3 : -3), 300)});
  EXPECT_TRUE(counter_.zone(0).entered.empty());
  walk({402, 300}, {500, 300}, 10);
  for (int i = 0; i < 60; ++i) frame({at(400 + (i % 2 == 0 ? 3 : -3), 300)});
  EXPECT_EQ(counter_.zone(0).entered.at(kPerson), 1U);
  EXPECT_TRUE(counter_.zone(0).left.empty());
}

TEST_F(ZonesTest, WhoStaysInANarrowZoneIsInIt) {
  // Narrower than the band on both sides.
  shapes({zone({{0.498, 0.2}, {0.502, 0.2}, {0.502, 0.8}, {0.498, 0.8}})});
  frame({at(480, 250)});
  frame({at(500, 250)});
  EXPECT_TRUE(counter_.zone(0).inside.empty());
  for (int i = 0; i < 6; ++i) frame({at(500, 250)});
  ASSERT_EQ(counter_.zone(0).inside.size(), 1U);
  EXPECT_NEAR(counter_.zone(0).inside[0].dwell_s, 6 * kStep, 1e-9) << "from the first moment on";
}

TEST_F(ZonesTest, WhoIsLostInAZoneStaysUntilHeIsGivenUp) {
  shapes({kSquare});
  walk({300, 300}, {500, 300}, 10);
  const double last_seen = time_s_ - kStep;
  for (int i = 0; i < 5; ++i) frame({at(500 + 50 * i, 300, 1, kPerson, TrackState::kLost)});
  ASSERT_EQ(counter_.zone(0).inside.size(), 1U);
  const double entered = last_seen - counter_.zone(0).inside[0].dwell_s;
  frame({at(520, 300)});  // regained: the same visit
  ASSERT_EQ(counter_.zone(0).inside.size(), 1U);
  EXPECT_NEAR(counter_.zone(0).inside[0].dwell_s, time_s_ - kStep - entered, 1e-9);
  EXPECT_EQ(counter_.zone(0).entered.at(kPerson), 1U);
  const double seen = time_s_ - kStep;
  for (int i = 0; i < 5; ++i) frame({at(540, 300, 1, kPerson, TrackState::kLost)});
  frame({at(540, 300, 1, kPerson, TrackState::kRemoved)});
  EXPECT_TRUE(counter_.zone(0).inside.empty());
  EXPECT_EQ(counter_.zone(0).left.at(kPerson), 1U);
  EXPECT_NEAR(*counter_.zone(0).mean_dwell_s(), seen - entered, 1e-9);
}

TEST_F(ZonesTest, WhoIsFoundInAZoneHasEntered) {
  shapes({kSquare});
  frame({at(500, 300, 1), at(450, 250, 2, kCar), at(100, 100, 3)});
  EXPECT_EQ(counter_.zone(0).inside.size(), 2U);
  EXPECT_EQ(counter_.zone(0).entered.at(kPerson), 1U);
  EXPECT_EQ(counter_.zone(0).entered.at(kCar), 1U);
}

TEST_F(ZonesTest, ASourceThatStartsAgainEndsAllVisitsAndKeepsTheCounts) {
  shapes({kSquare, kUp});
  walk({300, 300}, {550, 300}, 10);
  EXPECT_EQ(counter_.zone(0).inside.size(), 1U);
  EXPECT_EQ(total(counter_.line(1).forward), 1U);
  time_s_ = 0;
  frame({at(300, 300, 2)});
  EXPECT_TRUE(counter_.zone(0).inside.empty());
  EXPECT_EQ(counter_.zone(0).left.at(kPerson), 1U);
  EXPECT_EQ(total(counter_.line(1).forward), 1U);
}

TEST_F(ZonesTest, CountsGoOnWhereThePlaceStays) {
  shapes({kSquare, kUp});
  walk({300, 300}, {550, 300}, 10);  // over the line, into the square
  const double dwell = counter_.zone(0).inside[0].dwell_s;
  ZoneShape way = kUp;
  way.name = "way";
  const ZoneShape wide = zone({{0.2, 0.2}, {0.8, 0.2}, {0.8, 0.9}, {0.2, 0.9}});
  counter_.use_shapes({way, wide, kSquare});
  EXPECT_EQ(total(counter_.line(0).forward), 1U) << "another name, the same place";
  EXPECT_EQ(total(counter_.zone(1).entered), 0U);
  EXPECT_EQ(total(counter_.zone(2).entered), 1U);
  frame({at(550, 300)});
  ASSERT_EQ(counter_.zone(2).inside.size(), 1U);
  EXPECT_NEAR(counter_.zone(2).inside[0].dwell_s, dwell + kStep, 1e-9) << "the same visit";
  EXPECT_EQ(counter_.zone(1).inside.size(), 1U) << "found in the new one";
  walk({550, 300}, {300, 300}, 10);
  EXPECT_EQ(total(counter_.line(0).backward), 1U);
  // One that is moved begins anew, with who is in it; one that goes takes its counts along.
  counter_.use_shapes({zone({{0.2, 0.2}, {0.8, 0.2}, {0.8, 0.9}})});
  EXPECT_EQ(counter_.zone(0).visits, 0U);
  frame({at(500, 200)});
  EXPECT_EQ(total(counter_.zone(0).entered), 1U);
  counter_.use_shapes({});
  frame({at(500, 200)});
  counter_.use_shapes({kUp});
  EXPECT_EQ(total(counter_.line(0).forward), 0U);
}

TEST_F(ZonesTest, TwoInOnePlaceKeepTheirCountsByName) {
  ZoneShape a = kUp, b = kUp;
  a.name = "a";
  b.name = "b";
  shapes({a});
  walk({300, 250}, {700, 250}, 20);
  counter_.use_shapes({b, a});
  EXPECT_EQ(total(counter_.line(0).forward), 0U);
  EXPECT_EQ(total(counter_.line(1).forward), 1U);
}

TEST_F(ZonesTest, InsideIsAlwaysEnteredLessLeft) {
  shapes({kSquare, zone({{0.1, 0.1}, {0.9, 0.2}, {0.5, 0.5}, {0.8, 0.9}, {0.2, 0.8}})});
  uint32_t random = 1;
  const auto next = [&] {
    random = random * 1664525U + 1013904223U;
    return double(random >> 8) / double(1U << 24);
  };
  std::vector<Track> tracks;
  int64_t last = 0;
  for (int i = 0; i < 2000; ++i) {
    std::erase_if(tracks, [](const Track& t) { return t.state == TrackState::kRemoved; });
    if (next() < 0.2)
      tracks.push_back(at(next() * kWidth, next() * kHeight, ++last, next() < 0.5 ? kPerson : kCar));
    for (Track& track : tracks) {
      const double dx = (next() - 0.5) * 60, dy = (next() - 0.5) * 60;
      const auto state = next() < 0.03  ? TrackState::kRemoved
                         : next() < 0.1 ? TrackState::kLost
                                        : TrackState::kTracked;
      track = at((track.x0 + track.x1) / 2 + dx, track.y1 + dy, track.id, track.class_id, state);
    }
    frame(tracks);
    for (size_t z = 0; z < 2; ++z) {
      const ZoneCount& count = counter_.zone(z);
      ASSERT_EQ(total(count.entered) - total(count.left), count.inside.size());
      ASSERT_EQ(total(count.left), count.visits);
    }
  }
  EXPECT_GT(counter_.zone(0).visits, 20U);
}

TEST_F(ZonesTest, FaultsOfShapesAreNamed) {
  const auto expect = [](const ZoneShape& shape, const std::string& part) {
    EXPECT_NE(fault_of(shape).find(part), std::string::npos) << "'" << fault_of(shape) << "'";
  };
  expect(zone({{0.1, 0.1}, {0.2, 0.2}}), "at least 3 points, not 2");
  expect(line({0.1, 0.1}, {0.1, 0.1}), "twice in a row");
  expect({"l", true, {{0, 0}, {1, 1}, {0, 1}}}, "2 points, not 3");
  expect(zone({{0.1, 0.1}, {1.2, 0.2}, {0.5, 0.5}}), "(1.2, 0.2) is outside of the frame");
  expect(zone({{0.1, 0.1}, {NAN, 0.2}, {0.5, 0.5}}), "outside of the frame");
  expect(zone({{0, 0}, {1, 1}, {1, 0}, {0, 1}}), "cross");
  expect(zone({{0, 0}, {1, 0}, {0.5, 0}, {0.5, 1}}), "cross");  // a spike
  expect(zone({{0, 0}, {0.5, 0.5}, {1, 1}}), "straight line");
  expect(zone({{0, 0}, {1, 0}, {1, 1}, {0.5, 0}, {0, 1}}), "cross");  // touches its own edge
  EXPECT_EQ(fault_of(zone({{0, 0}, {1, 0}, {1, 1}, {0.5, 0.2}, {0, 1}})), "") << "it may be concave";
  EXPECT_EQ(fault_of(zone({{0, 0}, {0.5, 0}, {1, 0}, {1, 1}})), "") << "and have a point on an edge";
}

TEST_F(ZonesTest, TrianglesCoverThePolygon) {
  const auto area = [](Point a, Point b, Point c) {
    return std::abs((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)) / 2;
  };
  std::vector<Point> comb;  // teeth, and points on straight edges
  for (int i = 0; i < 5; ++i) {
    comb.push_back({0.1 * (2 * i), 0.9});
    comb.push_back({0.1 * (2 * i) + 0.05, 0.2});
  }
  comb.push_back({0.9, 0.9});
  comb.push_back({0.9, 0.95});
  comb.push_back({0.5, 0.95});
  comb.push_back({0, 0.95});
  ASSERT_EQ(fault_of(zone(comb)), "");
  for (const bool reversed : {false, true}) {
    if (reversed) std::reverse(comb.begin(), comb.end());
    double expected = 0;
    for (size_t i = 0; i < comb.size(); ++i) {
      const Point a = comb[i], b = comb[(i + 1) % comb.size()];
      expected += (a.x * b.y - b.x * a.y) / 2;
    }
    const auto triangles = triangulate(comb);
    EXPECT_EQ(triangles.size(), comb.size() - 2);
    double sum = 0;
    for (const auto& t : triangles) sum += area(comb[t[0]], comb[t[1]], comb[t[2]]);
    EXPECT_NEAR(sum, std::abs(expected), 1e-9) << "neither gaps nor overlaps";
  }
}

}  // namespace
}  // namespace tarsier::vision
