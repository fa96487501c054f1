#include "pipeline/cadence.hpp"

#include <gtest/gtest.h>

namespace tarsier::pipeline {
namespace {

TEST(Cadence, EveryThirdFrameAndAnewWhereNothingCanBeCarriedForward) {
  Params params;
  StageParams stage("s", params);
  Cadence::declare(stage);
  ASSERT_TRUE(stage.status().ok());
  ASSERT_TRUE(params.set("s.every", ParamValue(int64_t{3}), ParamOrigin::kOverlay).ok());
  Cadence cadence;
  double time_s = 0;
  const auto due = [&](double at_s, int width, int height) {
    return cadence.due("s", params, DeviceFrame{nullptr, 0, width, height, time_s = at_s});
  };
  const auto next = [&](int width, int height) { return due(time_s + 0.04, width, height); };
  for (int i = 0; i < 7; ++i) EXPECT_EQ(next(640, 480), i % 3 == 0) << i;
  EXPECT_TRUE(next(640, 360)) << "another height";
  EXPECT_FALSE(next(640, 360));
  EXPECT_TRUE(next(320, 360)) << "another width";
  EXPECT_FALSE(next(320, 360));
  EXPECT_TRUE(due(time_s, 320, 360)) << "drawn again";
  EXPECT_TRUE(due(0, 320, 360)) << "the source went back";
  EXPECT_FALSE(next(320, 360));
  cadence.rest();
  EXPECT_TRUE(next(320, 360));
}

}  // namespace
}  // namespace tarsier::pipeline
