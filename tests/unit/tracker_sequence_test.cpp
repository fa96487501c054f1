// The tracker on a made-up street whose truth is known: people and cars that cross each other, are hidden,
// are missed, score low, and boxes where nothing is.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "support/clear_mot.hpp"
#include "vision/tracker.hpp"

namespace tarsier::vision {
namespace {

constexpr float kWidth = 1280, kHeight = 720;
constexpr float kDoor = 320;
constexpr int kLanes = 7;

/// Moves along x on a way that winds a little; who is lower in the picture is nearer and hides the others.
struct Walker {
  int64_t id;
  int32_t class_id;
  double from_s, x, y, speed, sway, phase;
  double w, h;
  [[nodiscard]] BoxFilter::Box at(double time_s) const {
    const double t = time_s - from_s;
    const double cx = x + speed * t;
    const double foot = y + sway * std::sin(0.6 * t + phase);
    return {cx - w / 2, foot - h, cx + w / 2, foot};
  }
  [[nodiscard]] bool inside(double time_s) const {
    const auto box = at(time_s);
    // Nobody appears near where another one has just vanished: boxes could not tell these two apart.
    return time_s >= from_s && box.x0 >= (speed > 0 ? 0 : kDoor) &&
           box.x1 <= kWidth - (speed > 0 ? kDoor : 0);
  }
};

double covered(const BoxFilter::Box& box, const BoxFilter::Box& by) {
  const double w = std::min(box.x1, by.x1) - std::max(box.x0, by.x0);
  const double h = std::min(box.y1, by.y1) - std::max(box.y0, by.y0);
  return w <= 0 || h <= 0 ? 0 : w * h / ((box.x1 - box.x0) * (box.y1 - box.y0));
}

struct Street {
  std::vector<Walker> walkers;
  std::mt19937 random;
  uint64_t hidden = 0, weak = 0, missed = 0, mistakes = 0;  // what the sequence really had

  /// Lanes at different distances, every other one the other way: whoever meets is side by side for less than
  /// the tracker's buffer. People of one lane walk one behind the other.
  explicit Street(uint32_t seed, double seconds) : random(seed) {
    int64_t id = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
      const double depth = double(lane) / (kLanes - 1);
      const bool cars = lane == kLanes / 2;
      const double scale = 0.6 + depth;
      const double pace = (cars ? 180 : uniform(60, 100)) * scale * (lane % 2 == 0 ? 1 : -1);
      for (double from = uniform(-12, -8); from < seconds; from += uniform(2, 7)) {
        Walker walker{++id, cars ? 2 : 0,  from,          0, 300 + 400 * depth,
                      pace, uniform(0, 5), uniform(0, 6), 0, 0};
        walker.h = (cars ? 70 : 110) * scale * uniform(0.9, 1.1);
        walker.w = walker.h * (cars ? 2.0 : uniform(0.36, 0.46));
        walker.x = pace > 0 ? walker.w / 2 : kWidth - walker.w / 2;
        walkers.push_back(walker);
      }
    }
  }
  double uniform(double a, double b) { return std::uniform_real_distribution<double>(a, b)(random); }
  double normal() { return std::normal_distribution<double>()(random); }

  /// What a detector would say, and what is there. Whoever is new is not missed in his first second: two
  /// boxes tell no velocity.
  void look(double time_s, std::vector<Detection>& boxes, std::vector<test::MotBox>& truth) {
    boxes.clear();
    truth.clear();
    for (const Walker& walker : walkers) {
      if (!walker.inside(time_s)) continue;
      const auto box = walker.at(time_s);
      double hidden_part = 0;
      for (const Walker& other : walkers) {
        const auto front = other.at(time_s);
        if (other.id != walker.id && other.inside(time_s) && front.y1 > box.y1)
          hidden_part = std::max(hidden_part, covered(box, front));
      }
      truth.push_back({walker.id, box});
      double score = 0.88 + 0.05 * normal();
      if (hidden_part > 0.75) {
        ++hidden;
        continue;
      }
      if (hidden_part > 0.4 || uniform(0, 1) < 0.06) {
        score = uniform(0.15, 0.45);
        ++weak;
      } else if (uniform(0, 1) < 0.01 && walker.inside(time_s - 1)) {
        ++missed;
        continue;
      }
      const double off_x = 0.015 * walker.h * normal(), off_y = 0.015 * walker.h * normal();
      const double wide = walker.w * 0.02 * normal(), tall = walker.h * 0.02 * normal();
      boxes.push_back({float(box.x0 + off_x - wide), float(box.y0 + off_y - tall),
                       float(box.x1 + off_x + wide), float(box.y1 + off_y + tall), float(score),
                       walker.class_id, 0, 0});
    }
    while (uniform(0, 1) < 0.25) {
      const double x = uniform(0, kWidth - 60), y = uniform(0, kHeight - 130), h = uniform(60, 120);
      const BoxFilter::Box nobody{x, y, x + h / 2, y + h};
      // On somebody hidden a mistake looks like him.
      if (std::ranges::any_of(truth, [&](const auto& one) { return iou(one.box, nobody) > 0.1; })) continue;
      boxes.push_back(
          {float(x), float(y), float(x + h / 2), float(y + h), float(uniform(0.1, 0.7)), 0, 0, 0});
      ++mistakes;
    }
    std::shuffle(boxes.begin(), boxes.end(), random);
  }
};

struct Case {
  double fps;
  double dropped;  // part of the frames
};

class TrackerSequence : public ::testing::TestWithParam<Case> {};

TEST_P(TrackerSequence, MotaIsHighAndIdentitiesStay) {
  constexpr double kSeconds = 60;
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    Street street(seed, kSeconds);
    Tracker tracker;
    test::ClearMot mot;
    std::vector<Detection> boxes;
    std::vector<test::MotBox> truth, tracked;
    for (int i = 0; double(i) / GetParam().fps < kSeconds; ++i) {
      if (i > 0 && street.uniform(0, 1) < GetParam().dropped) continue;
      const double time_s = i / GetParam().fps;
      street.look(time_s, boxes, truth);
      tracker.update(time_s, boxes, {});
      tracked.clear();
      for (const Track& track : tracker.tracks()) {
        if (track.state == TrackState::kTracked)
          tracked.push_back({track.id, {track.x0, track.y0, track.x1, track.y1}});
      }
      mot.frame(truth, tracked);
    }
    printf(
        "%2.0f frames/s, seed %u: MOTA %.4f, switches %d; of %d: misses %d, false positives %d (boxes: "
        "hidden "
        "%d, "
        "weak %d, missed %d, mistakes %d)\n",
        GetParam().fps, seed, mot.mota(), int(mot.switches), int(mot.objects), int(mot.misses),
        int(mot.false_positives), int(street.hidden), int(street.weak), int(street.missed),
        int(street.mistakes));
    EXPECT_GE(mot.mota(), 0.95);
    EXPECT_EQ(mot.switches, 0U);
    // That the sequence was one to fail at:
    EXPECT_GT(street.weak, mot.objects / 20);
    EXPECT_GT(street.hidden, mot.objects / 4000);
    EXPECT_GT(street.mistakes, 80U);
  }
}

INSTANTIATE_TEST_SUITE_P(Rates, TrackerSequence,
                         ::testing::Values(Case{30, 0}, Case{30, 0.3}, Case{15, 0.2}, Case{10, 0}));

TEST(TrackerLowScores, AreWhatKeepsHiddenPeople) {
  const auto mota = [](float low_score) {
    Street street(3, 40);
    Tracker tracker;
    test::ClearMot mot;
    std::vector<Detection> boxes;
    std::vector<test::MotBox> truth, tracked;
    TrackerParams params;
    params.low_score = low_score;
    for (int i = 0; i < 600; ++i) {
      street.look(i / 15.0, boxes, truth);
      tracker.update(i / 15.0, boxes, params);
      tracked.clear();
      for (const Track& track : tracker.tracks()) {
        if (track.state == TrackState::kTracked)
          tracked.push_back({track.id, {track.x0, track.y0, track.x1, track.y1}});
      }
      mot.frame(truth, tracked);
    }
    return mot.mota();
  };
  EXPECT_GT(mota(0.1F), mota(0.5F) + 0.03) << "without the second association";
}

TEST(ClearMot, CountsAsThePaperDoes) {
  const BoxFilter::Box a{0, 0, 10, 10}, b{100, 0, 110, 10}, nowhere{200, 0, 210, 10};
  test::ClearMot mot;
  mot.frame(std::vector<test::MotBox>{{1, a}, {2, b}}, std::vector<test::MotBox>{{7, a}, {8, b}});
  EXPECT_DOUBLE_EQ(mot.mota(), 1);
  mot.frame(std::vector<test::MotBox>{{1, a}, {2, b}}, std::vector<test::MotBox>{{7, a}, {9, nowhere}});
  EXPECT_EQ(mot.misses, 1U);
  EXPECT_EQ(mot.false_positives, 1U);
  mot.frame(std::vector<test::MotBox>{{1, a}, {2, b}}, std::vector<test::MotBox>{{8, a}, {7, b}});
  EXPECT_EQ(mot.switches, 2U);
  EXPECT_DOUBLE_EQ(mot.mota(), 1 - 4.0 / 6);
  // A pair stays one while it can, even where another track lies nearer.
  const BoxFilter::Box beside{2, 0, 12, 10};
  test::ClearMot keeps;
  keeps.frame(std::vector<test::MotBox>{{1, a}}, std::vector<test::MotBox>{{7, a}});
  keeps.frame(std::vector<test::MotBox>{{1, a}}, std::vector<test::MotBox>{{7, beside}, {8, a}});
  EXPECT_EQ(keeps.switches, 0U);
  EXPECT_EQ(keeps.false_positives, 1U);
}

TEST(TrackerRepeats, TheSameBoxesGiveTheSameTracks) {
  const auto run = [] {
    Street street(9, 20);
    Tracker tracker;
    std::vector<Detection> boxes;
    std::vector<test::MotBox> truth;
    std::vector<float> all;
    for (int i = 0; i < 300; ++i) {
      street.look(i / 15.0, boxes, truth);
      tracker.update(i / 15.0, boxes, {});
      for (const Track& track : tracker.tracks()) {
        all.insert(all.end(), {float(track.id), track.x0, track.y1, track.velocity_x, float(track.state)});
      }
    }
    return all;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace tarsier::vision
