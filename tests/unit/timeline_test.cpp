// What the timeline of a recording keeps of the frames that were seen.
#include "app/timeline.hpp"

#include <cmath>
#include <gtest/gtest.h>

namespace tarsier::app {
namespace {

using Kind = Timeline::Kind;
using Value = Timeline::Value;

class TimelineTest : public ::testing::Test {
 protected:
  static constexpr double kFps = 10;
  Timeline timeline_{kFps};

  static pipeline::FrameResult frame(uint64_t position, std::vector<const char*> events = {},
                                     size_t objects = 0) {
    pipeline::FrameResult result;
    result.frame_id = position;
    result.time_s = double(position) / kFps;
    result.latency_ms = 20 + double(position);
    for (const char* type : events) result.events.push_back({.type = type});
    for (size_t i = 0; i < objects; ++i) {
      vision::Track track;
      track.state = vision::TrackState::kTracked;
      track.score = 0.5F + 0.1F * float(i);
      result.tracks.push_back(track);
    }
    return result;
  }
  void see(uint64_t position, std::vector<const char*> events = {}) {
    timeline_.add(position, frame(position, std::move(events)), true);
  }
  void see_from(uint64_t first, uint64_t last) {
    for (uint64_t i = first; i <= last; ++i) see(i);
  }
  [[nodiscard]] std::vector<uint64_t> marks() const {
    std::vector<uint64_t> out;
    for (const auto& mark : timeline_.marks()) out.push_back(mark.position);
    return out;
  }
  using Places = std::vector<uint64_t>;
};

TEST_F(TimelineTest, AnEventHasItsMarkWhereItBegins) {
  see_from(0, 4);
  for (uint64_t i = 5; i < 30; ++i) see(i, {"forward_collision"});
  see_from(30, 40);
  see(41, {"forward_collision"});
  see(42, {"forward_collision", "lane_departure"});
  EXPECT_EQ(marks(), (Places{5, 41, 42}));
  EXPECT_EQ(timeline_.marks()[0].kind, Kind::kCollision);
  EXPECT_EQ(timeline_.marks()[0].what, "collision ahead");
  EXPECT_EQ(timeline_.marks()[2].kind, Kind::kLane);
}

TEST_F(TimelineTest, TheSameAgainWithinHalfASecondIsOne) {
  see_from(0, 4);
  see(5, {"forward_collision"});
  see_from(6, 7);
  see(8, {"forward_collision"});
  see_from(9, 15);
  see(16, {"forward_collision"});
  EXPECT_EQ(marks(), (Places{5, 16}));
}

TEST_F(TimelineTest, ADeviceThatSeesEveryTenthFrameHasOneMarkToo) {
  for (uint64_t i = 0; i < 100; i += 10) {
    if (i < 30 || i > 70) {
      see(i);
    } else {
      see(i, {"lane_departure"});
    }
  }
  EXPECT_EQ(marks(), (Places{30}));
}

TEST_F(TimelineTest, LinesThatAreCrossedAreEvents) {
  see(0);
  auto result = frame(1);
  result.lines.push_back({.name = "door"});
  result.lines[0].count.crossed = {{.track = 3, .forward = true}, {.track = 4, .forward = false}};
  timeline_.add(1, result, true);
  ASSERT_EQ(timeline_.marks().size(), 2U);
  EXPECT_EQ(timeline_.marks()[0].what, "crosses door forward");
  EXPECT_EQ(timeline_.marks()[1].what, "crosses door back");
  EXPECT_EQ(timeline_.marks()[1].kind, Kind::kLine);
}

TEST_F(TimelineTest, WhatIsSeenAgainReplacesWhatWas) {
  see_from(0, 4);
  see(5, {"forward_collision"});
  see_from(6, 20);
  EXPECT_EQ(marks(), Places{5});
  see_from(0, 20);  // with other settings: no event
  EXPECT_EQ(marks(), Places{});
}

TEST_F(TimelineTest, BehindAJumpNoEventIsForgotten) {
  see_from(0, 49);
  for (uint64_t i = 50; i < 60; ++i) see(i, {"forward_collision"});
  see_from(60, 99);
  see_from(48, 65);  // the tracker begins anew there, and finds nothing yet
  EXPECT_EQ(marks(), Places{50});
  see_from(20, 65);  // two seconds later it would have
  EXPECT_EQ(marks(), Places{});
}

TEST_F(TimelineTest, AShortJumpForwardForgetsNoEventEither) {
  see_from(0, 4);
  see(5, {"forward_collision"});
  see_from(6, 20);
  see(0);
  see(5);  // what led to it was not seen
  EXPECT_EQ(marks(), Places{5});
}

TEST_F(TimelineTest, GoesFromMarkToMark) {
  EXPECT_EQ(timeline_.next(0), nullptr);
  see_from(0, 9);
  see(10, {"forward_collision"});
  see_from(11, 29);
  see(30, {"forward_collision"});
  see_from(31, 40);
  ASSERT_NE(timeline_.next(0), nullptr);
  EXPECT_EQ(timeline_.next(0)->position, 10U);
  EXPECT_EQ(timeline_.next(10)->position, 30U);
  EXPECT_EQ(timeline_.next(30), nullptr);
  EXPECT_EQ(timeline_.previous(40)->position, 30U);
  EXPECT_EQ(timeline_.previous(30)->position, 10U);
  EXPECT_EQ(timeline_.previous(10), nullptr);
}

TEST_F(TimelineTest, ValuesStandWhereFramesWereSeen) {
  timeline_.add(0, frame(0, {}, 2), true);
  timeline_.add(1, frame(1, {}, 5), true);
  timeline_.add(4, frame(4, {}, 0), true);    // 2 and 3 were left out
  timeline_.add(60, frame(60, {}, 1), true);  // behind a jump
  const auto objects = timeline_.columns(Value::kObjects, 100, 100);
  ASSERT_EQ(objects.size(), 100U);
  EXPECT_EQ(objects[0], 2);
  EXPECT_EQ(objects[1], 5);
  EXPECT_EQ(objects[3], 5) << "held";
  EXPECT_EQ(objects[4], 0) << "nothing is a value, too";
  EXPECT_TRUE(std::isnan(objects[5])) << "nobody was there";
  EXPECT_TRUE(std::isnan(objects[59]));
  EXPECT_EQ(objects[60], 1);
  EXPECT_TRUE(std::isnan(objects[61]));
  EXPECT_EQ(timeline_.columns(Value::kLatency, 100, 10)[0], 24) << "the largest of ten frames";
  const auto scores = timeline_.columns(Value::kScore, 100, 100);
  EXPECT_FLOAT_EQ(scores[1], 0.9F);
  EXPECT_TRUE(std::isnan(scores[4])) << "nothing has no score";
  EXPECT_EQ(timeline_.columns(Value::kScore, 0, 10).size(), 10U);
}

TEST_F(TimelineTest, WhatIsNotCountedIsNoZero) {
  timeline_.add(0, frame(0), false);
  EXPECT_TRUE(std::isnan(timeline_.columns(Value::kObjects, 10, 10)[0]));
  EXPECT_EQ(timeline_.columns(Value::kLatency, 10, 10)[0], 20);
}

TEST_F(TimelineTest, LongRecordingsShareItsPlaces) {
  see_from(0, 2);
  see(3, {"forward_collision"});
  const uint64_t far = 5 * Timeline::kBins;
  see(far, {"lane_departure"});
  // Eight frames have one place now.
  EXPECT_EQ(marks(), (Places{0, far}));
  EXPECT_EQ(timeline_.columns(Value::kLatency, far + 1, 100)[0], 23);
  EXPECT_EQ(timeline_.next(0)->position, far);
}

}  // namespace
}  // namespace tarsier::app
