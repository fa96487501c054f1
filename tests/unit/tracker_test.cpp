// What the tracker promises, one promise a test. Sequences with known truth: tracker_sequence_test.cpp.
#include "vision/tracker.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>

namespace tarsier::vision {
namespace {

constexpr double kStep = 0.1;

Detection box(float x, float score, int32_t class_id = 0, float y = 100) {
  return {x, y, x + 40, y + 100, score, class_id, 0, 0};
}

class TrackerTest : public ::testing::Test {
 protected:
  Tracker tracker_;
  TrackerParams params_;
  double time_s_ = 0;

  void frame(const std::vector<Detection>& boxes, double step = kStep) {
    time_s_ += step;
    tracker_.update(time_s_, boxes, params_);
  }
  [[nodiscard]] const Track* find(int64_t id) const {
    for (const Track& track : tracker_.tracks()) {
      if (track.id == id) return &track;
    }
    return nullptr;
  }
  [[nodiscard]] TrackState state(int64_t id) const {
    const Track* track = find(id);
    EXPECT_NE(track, nullptr) << "no track " << id;
    return track == nullptr ? TrackState::kRemoved : track->state;
  }
};

TEST_F(TrackerTest, FirstFrameIsBelievedLaterBirthsNeedASecondBox) {
  frame({box(100, 0.9F)});
  EXPECT_EQ(state(1), TrackState::kTracked);
  frame({box(102, 0.9F), box(400, 0.9F)});
  ASSERT_EQ(tracker_.tracks().size(), 2U);
  EXPECT_EQ(tracker_.tracks()[1].state, TrackState::kTentative);
  EXPECT_EQ(tracker_.tracks()[1].id, 0);
  frame({box(104, 0.9F), box(402, 0.9F)});
  EXPECT_EQ(state(2), TrackState::kTracked);
}

TEST_F(TrackerTest, AMistakeOfOneFrameGetsNoId) {
  frame({});
  for (int i = 0; i < 20; ++i) frame(i % 2 == 0 ? std::vector{box(100, 0.95F)} : std::vector<Detection>{});
  EXPECT_EQ(find(1), nullptr);
  frame({box(100, 0.9F)});
  frame({box(100, 0.9F)});
  EXPECT_EQ(state(1), TrackState::kTracked) << "numbers are not used up by mistakes";
}

TEST_F(TrackerTest, BirthsHaveAThresholdOfTheirOwn) {
  frame({box(100, 0.55F)});
  EXPECT_TRUE(tracker_.tracks().empty());
  frame({box(100, 0.65F)});
  frame({box(100, 0.55F)});
  EXPECT_EQ(state(1), TrackState::kTracked) << "confirmed by a box of a high score below that of births";
}

TEST_F(TrackerTest, ALowScoreKeepsATrackButNeitherStartsNorConfirmsNorRegainsOne) {
  frame({box(100, 0.9F), box(300, 0.2F)});
  EXPECT_EQ(tracker_.tracks().size(), 1U);
  frame({box(101, 0.9F), box(500, 0.9F)});
  frame({box(102, 0.2F), box(501, 0.2F)});
  EXPECT_EQ(state(1), TrackState::kTracked);
  EXPECT_FLOAT_EQ(find(1)->score, 0.2F);
  EXPECT_EQ(find(2), nullptr);
  frame({});
  EXPECT_EQ(state(1), TrackState::kLost);
  frame({box(104, 0.2F)});
  EXPECT_EQ(state(1), TrackState::kLost);
  frame({box(105, 0.9F)});
  EXPECT_EQ(state(1), TrackState::kTracked);
  frame({box(106, 0.05F)});
  EXPECT_EQ(state(1), TrackState::kLost) << "below the lowest score nothing counts";
}

TEST_F(TrackerTest, LostTracksAreRegainedWhereTheyWouldBe) {
  int i = 0;
  for (; i < 15; ++i) frame({box(float(100 + 8 * i), 0.9F)});
  EXPECT_NEAR(find(1)->velocity_x, 80, 8);
  for (int hidden = 0; hidden < 8; ++hidden, ++i) {
    frame({});
    EXPECT_EQ(state(1), TrackState::kLost);
  }
  frame({box(float(100 + 8 * i), 0.9F)});
  EXPECT_EQ(state(1), TrackState::kTracked) << "64 pixels further on, where its old box would not overlap";
  EXPECT_EQ(tracker_.tracks().size(), 1U);
}

TEST_F(TrackerTest, TheBufferIsTimeNotFrames) {
  params_.buffer_s = 0.5;
  for (const double step : {0.02, 0.1, 0.24}) {
    tracker_ = Tracker();
    time_s_ = 0;
    frame({box(100, 0.9F)});
    frame({box(100, 0.9F)}, step);
    const double seen = time_s_;
    while (time_s_ + step - seen <= 0.5) {
      frame({}, step);
      EXPECT_EQ(state(1), TrackState::kLost) << step;
    }
    frame({}, step);
    EXPECT_EQ(state(1), TrackState::kRemoved) << "told once";
    EXPECT_NEAR(find(1)->age_s, time_s_ - 0.1, 1e-9);
    frame({}, step);
    EXPECT_EQ(find(1), nullptr);
  }
}

TEST_F(TrackerTest, ClassesNeverMix) {
  frame({box(100, 0.9F, 0), box(100, 0.8F, 2)});
  ASSERT_EQ(tracker_.tracks().size(), 2U);
  for (int i = 0; i < 10; ++i) {
    frame({box(100, 0.8F, 2), box(100, 0.9F, 0)});
    EXPECT_EQ(find(1)->class_id, 0);
    EXPECT_EQ(find(2)->class_id, 2);
  }
  frame({box(100, 0.9F, 2)});
  EXPECT_EQ(state(1), TrackState::kLost);
  EXPECT_EQ(state(2), TrackState::kTracked);
}

TEST_F(TrackerTest, TwoThatMeetAndPassKeepTheirNumbers) {
  for (int i = 0; i < 40; ++i) {
    // Side by side in depth: one 12 pixels lower, on opposite ways.
    frame({box(float(100 + 6 * i), 0.9F, 0, 100), box(float(340 - 6 * i), 0.85F, 0, 112)});
  }
  ASSERT_NE(find(1), nullptr);
  ASSERT_NE(find(2), nullptr);
  EXPECT_GT(find(1)->velocity_x, 50);
  EXPECT_LT(find(2)->velocity_x, -50);
  EXPECT_EQ(tracker_.tracks().size(), 2U);
}

TEST_F(TrackerTest, ANewTrackOnALostOneEndsTheLostOne) {
  frame({box(100, 0.9F)});
  for (int i = 0; i < 5; ++i) frame({box(float(100 + 10 * i), 0.9F)});
  // It stops while hidden: the prediction runs on, a new track starts behind it ...
  params_.buffer_s = 5;
  for (int i = 0; i < 6; ++i) frame({});
  for (int i = 0; i < 3; ++i) frame({box(145, 0.9F)});
  ASSERT_EQ(state(2), TrackState::kTracked);
  ASSERT_EQ(state(1), TrackState::kLost);
  // ... and moves on, faster, to where the lost one is thought to be.
  for (int i = 0; i < 30 && find(1) != nullptr; ++i) {
    frame({box(145 + 16.0F * float(i), 0.9F)});
    EXPECT_EQ(state(2), TrackState::kTracked);
  }
  EXPECT_EQ(find(1), nullptr);
}

TEST_F(TrackerTest, WhoStepsBeforeSomebodyDoesNotTakeOverTheNumber) {
  for (int i = 0; i < 5; ++i) frame({box(100, 0.9F)});
  // Hidden in part it scores low, and another one is there now, beside it.
  for (int i = 0; i < 3; ++i) frame({box(124, 0.9F), box(101, 0.3F)});
  EXPECT_NEAR(find(1)->x0, 100, 4);
  EXPECT_NEAR(find(2)->x0, 124, 4);
}

TEST_F(TrackerTest, ExpectedIsWhereItWillBe) {
  for (int i = 0; i < 20; ++i) frame({box(float(100 + 8 * i), 0.9F)});
  const auto now = tracker_.expected(0, time_s_);
  EXPECT_NEAR(now.x0, double(find(1)->x0), 1e-3);
  EXPECT_NEAR(tracker_.expected(0, time_s_ + 0.2).x0, now.x0 + 16, 1.5);
  EXPECT_DOUBLE_EQ(tracker_.expected(0, time_s_ - 1).x0, now.x0) << "never into the past";
}

TEST_F(TrackerTest, TimeThatGoesBackStartsAnew) {
  frame({box(100, 0.9F)});
  frame({box(100, 0.9F)});
  tracker_.update(0, std::vector{box(100, 0.9F)}, params_);
  ASSERT_EQ(tracker_.tracks().size(), 1U);
  EXPECT_EQ(tracker_.tracks()[0].id, 2) << "another visit, another number";
}

TEST_F(TrackerTest, AJumpForwardIsBelievedLikeAFirstFrame) {
  frame({box(100, 0.9F)});
  frame({box(500, 0.9F)}, params_.buffer_s + 4);
  EXPECT_EQ(state(1), TrackState::kRemoved);
  EXPECT_EQ(state(2), TrackState::kTracked);
  frame({box(500, 0.9F), box(800, 0.9F)});
  EXPECT_EQ(find(3), nullptr) << "from there on births need a second box again";
}

TEST_F(TrackerTest, BoxesThatAreNoBoxesAreLeftOut) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  frame({{100, 100, 100, 200, 0.9F, 0, 0, 0},
         {nan, 100, 140, 200, 0.9F, 0, 0, 0},
         {100, 100, infinity, 200, 0.9F, 0, 0, 0},
         {140, 100, 100, 200, 0.9F, 0, 0, 0},
         {100, 100, 140, 200, nan, 0, 0, 0}});
  EXPECT_TRUE(tracker_.tracks().empty());
  frame({box(100, 0.9F)}, 0);  // two frames with one time: a camera's clock may be coarse
  frame({box(101, 0.9F)}, 0);
  EXPECT_EQ(state(1), TrackState::kTracked);
  EXPECT_TRUE(std::isfinite(find(1)->velocity_x));
}

}  // namespace
}  // namespace tarsier::vision
