// What warnings have in common: when they change, and how results tell them.
#include <gtest/gtest.h>

#include "pipeline/event_span.hpp"
#include "vision/hysteresis.hpp"

namespace tarsier {
namespace {

using pipeline::EventSpan;
using pipeline::FrameResult;

TEST(Hysteresis, ChangesAfterSoManyInARow) {
  vision::Hysteresis one;
  EXPECT_FALSE(one.update(true, 3));
  EXPECT_FALSE(one.update(true, 3));
  EXPECT_FALSE(one.update(false, 3)) << "counting starts anew";
  for (const bool last : {false, false, true}) EXPECT_EQ(one.update(true, 3), last);
  EXPECT_TRUE(one.on());
  EXPECT_FALSE(one.update(false, 3));
  for (const bool last : {false, false, true}) EXPECT_EQ(one.update(true, 3), last);
  EXPECT_FALSE(one.on());
  EXPECT_TRUE(one.update(true, 1));
}

TEST(EventSpan, TellsEveryFrameFromTheFirstToTheLast) {
  EventSpan span;
  uint64_t frame = 0;
  std::vector<pipeline::Event> told;
  const auto next = [&](bool on) {
    FrameResult result{.frame_id = frame, .time_s = double(frame) / 10};
    ++frame;
    span.update(on, {.type = "test", .side = frame == 3 ? "left" : "right"}, result);
    EXPECT_EQ(span.on(), on);
    told = result.events;
    return told.size();
  };
  EXPECT_EQ(next(false), 0U);
  EXPECT_EQ(next(false), 0U);
  for (const bool on : {true, true, false}) {
    ASSERT_EQ(next(on), 1U);
    EXPECT_EQ(told[0].began_frame, 2U);
    EXPECT_DOUBLE_EQ(told[0].began_s, 0.2);
    EXPECT_STREQ(told[0].side, "left") << "as it began";
    EXPECT_EQ(told[0].ended, !on);
  }
  EXPECT_EQ(next(false), 0U) << "it ends once";
  // The source goes back: what went on ends, and the same may begin in that frame.
  ASSERT_EQ(next(true), 1U);
  FrameResult back{.frame_id = 0, .time_s = 0};
  span.end(back);
  span.end(back);
  span.update(true, {.type = "test"}, back);
  ASSERT_EQ(back.events.size(), 2U);
  EXPECT_TRUE(back.events[0].ended);
  EXPECT_EQ(back.events[0].began_frame, 6U);
  EXPECT_FALSE(back.events[1].ended);
  EXPECT_EQ(back.events[1].began_frame, 0U);
}

}  // namespace
}  // namespace tarsier
