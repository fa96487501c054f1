// When a landmark stage's network runs, and how a frame goes on from the one before.
#include <gtest/gtest.h>

#include "pipeline/landmark_stage.hpp"

namespace tarsier::pipeline {
namespace {

DeviceFrame at(double time_s, int width = 640) {
  DeviceFrame frame;
  frame.width = width;
  frame.height = 480;
  frame.time_s = time_s;
  return frame;
}

TEST(LandmarkRuns, AFrameGoesOnFromTheOneBeforeWhereItFollowsIt) {
  LandmarkRuns runs(false);
  EXPECT_TRUE(runs.begin(at(0), true));
  EXPECT_TRUE(runs.restarts()) << "the first";
  EXPECT_EQ(runs.looks(3), 3U);
  EXPECT_EQ(runs.seconds(), 0);
  EXPECT_TRUE(runs.begin(at(0.04), true));
  EXPECT_FALSE(runs.restarts());
  EXPECT_EQ(runs.looks(3), 1U);
  EXPECT_FLOAT_EQ(runs.seconds(), 0.04F);
  runs.begin(at(0.04), true);
  EXPECT_FALSE(runs.restarts()) << "the same again";
  EXPECT_EQ(runs.seconds(), 0);
  runs.begin(at(1.05), true);
  EXPECT_TRUE(runs.restarts()) << "more than a second later";
  EXPECT_EQ(runs.seconds(), 0);
  runs.begin(at(1.0), true);
  EXPECT_TRUE(runs.restarts()) << "back";
  runs.begin(at(1.04, 320), true);
  EXPECT_TRUE(runs.restarts()) << "another size";
}

TEST(LandmarkRuns, RestsWhileNobodyNeedsIt) {
  LandmarkRuns runs(false);
  EXPECT_FALSE(runs.begin(at(0), false));
  EXPECT_FALSE(runs.ran());
  const uint64_t epoch = runs.epoch();
  EXPECT_TRUE(runs.begin(at(0.04), true));
  EXPECT_TRUE(runs.restarts()) << "it did not run in the frame before";
  EXPECT_GT(runs.epoch(), epoch) << "what older frames tell is no news";
  EXPECT_FALSE(runs.begin(at(0.08), false));
  runs.want(true);
  EXPECT_TRUE(runs.begin(at(0.12), false)) << "results want it";
  EXPECT_TRUE(LandmarkRuns(true).begin(at(0), false)) << "from the first frame on";
}

}  // namespace
}  // namespace tarsier::pipeline
