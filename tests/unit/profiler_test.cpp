#include "core/profiler.hpp"

#include <chrono>
#include <gtest/gtest.h>

namespace tarsier {
namespace {

using namespace std::chrono_literals;
using Clock = FrameProfile::Clock;
using Track = ProfileSpan::Track;

TEST(Profiler, FramesInFlightFinishInTheirOwnOrder) {
  Profiler profiler;
  const Clock::time_point start;
  FrameProfile& first = profiler.begin(10);
  FrameProfile& second = profiler.begin(11);
  ASSERT_NE(&first, &second);
  first.captured = start;
  first.completed = start + 30ms;
  profiler.add(first, Track::kHost, "draw", start, start + 2ms);
  profiler.add(second, Track::kHost, "draw", start + 2ms, start + 3ms);
  profiler.add(first, Track::kDevice, "detect", start + 2ms, start + 22ms);
  profiler.add(first, Track::kDevice, "scene", start + 23ms, start + 28ms);
  profiler.count_drops(first, "late", 3);
  EXPECT_EQ(profiler.size(), 0U) << "none is done";
  const FrameProfile& done = profiler.finish(first);
  EXPECT_EQ(done.frame_id, 10U);
  EXPECT_EQ(done.number, 0U);
  EXPECT_DOUBLE_EQ(done.age_ms(), 30);
  EXPECT_DOUBLE_EQ(done.sum_ms(Track::kDevice), 25);
  EXPECT_DOUBLE_EQ(done.sum_ms(Track::kHost), 2);
  EXPECT_DOUBLE_EQ(done.sum_ms(Track::kCapture), 0);
  ASSERT_EQ(done.drops.size(), 1U);
  EXPECT_EQ(done.drops[0].count, 3U);
  EXPECT_EQ(profiler.size(), 1U);
  profiler.finish(second);
  EXPECT_EQ(profiler.at(1).frame_id, 11U);
  EXPECT_EQ(profiler.at(0).spans[0].name.data(), profiler.at(1).spans[0].name.data())
      << "one name, kept once";
}

TEST(Profiler, KeepsTheLastFramesAndNothingOfThoseBefore) {
  Profiler profiler;
  const Clock::time_point start;
  const size_t frames = Profiler::kFrames * 2 + 5;
  for (size_t i = 0; i < frames; ++i) {
    FrameProfile& frame = profiler.begin(i);
    EXPECT_TRUE(frame.spans.empty() && frame.drops.empty() && frame.upload_bytes == 0) << i;
    for (size_t k = 0; k <= i % 3; ++k) profiler.add(frame, Track::kHost, "stage", start, start + 1ms);
    frame.upload_bytes = i;
    EXPECT_EQ(profiler.finish(frame).upload_bytes, i);
    EXPECT_EQ(profiler.size(), std::min(i + 1, Profiler::kFrames));
  }
  for (size_t i = 0; i < Profiler::kFrames; ++i) {
    const size_t id = frames - Profiler::kFrames + i;
    EXPECT_EQ(profiler.at(i).frame_id, id);
    EXPECT_EQ(profiler.at(i).spans.size(), id % 3 + 1);
  }
}

TEST(Profiler, AFrameThatIsGivenUpLeavesTheOthersAlone) {
  Profiler profiler;
  profiler.add(profiler.begin(1), Track::kHost, "upload", {}, {});
  FrameProfile& next = profiler.begin(2);
  EXPECT_TRUE(next.spans.empty());
  EXPECT_EQ(profiler.finish(next).frame_id, 2U);
  EXPECT_EQ(profiler.size(), 1U);
}

}  // namespace
}  // namespace tarsier
