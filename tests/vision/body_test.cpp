// A body's points, their filter and the region that follows them: against the CPU reference and by hand.
#include "vision/body.hpp"

#include <limits>

#include "device_tensor.hpp"

namespace tarsier::vision {
namespace {

using test::Storage;

constexpr int kWidth = 640, kHeight = 480;

class BodyTest : public test::GpuTest {
 protected:
  /// BodyLandmarks on what a network would give, one frame after the other.
  struct Chain {
    test::DeviceTensor points;
    BodyLandmarks pass;
    static Chain make(const Storage& storage) {
      Chain chain;
      auto points =
          test::put(device(), {1, 1, kBodyPoints, 3}, std::vector<float>(3 * kBodyPoints, 0), storage);
      EXPECT_OK(points);
      chain.points = *std::move(points);
      auto pass = BodyLandmarks::create(device(), chain.points.ref);
      EXPECT_OK(pass);
      chain.pass = *std::move(pass);
      EXPECT_OK(device().run_once(
          [&](gpu::CommandList& commands) { chain.pass.reset(commands, kWidth, kHeight); }));
      return chain;
    }
    [[nodiscard]] LandmarkState state() const {
      LandmarkState state;
      EXPECT_OK(device().download(pass.state(), 0, &state, sizeof state));
      return state;
    }
    LandmarkState run(std::vector<float>& values, const BodyParams& params) {
      const Storage storage{points.ref.layout, points.ref.fp16, points.ref.channels_last};
      auto next = test::put(device(), points.shape, values, storage);
      EXPECT_OK(next);
      values = next->values;  // as they are stored
      std::vector<uint32_t> words(next->words);
      EXPECT_OK(device().download(next->buffer, 0, words.data(), words.size() * 4));
      EXPECT_OK(device().upload(points.buffer, 0, words.data(), words.size() * 4));
      EXPECT_OK(device().run_once([&](gpu::CommandList& commands) { pass.record(commands, params); }));
      return state();
    }
  };
  static BodyParams frame_after(float seconds) {
    return {.seconds = seconds, .frame_width = kWidth, .frame_height = kHeight};
  }
  /// Somebody who stands: `height` and `x` of the frame, as the network sees them in this region.
  static std::vector<float> standing(const Region& region, float x, float top, float height,
                                     float score = 0.8F) {
    constexpr float kPlaces[kBodyPoints][2] = {
        {0, 0.07F},     {0.02F, 0.05F}, {-0.02F, 0.05F}, {0.04F, 0.06F}, {-0.04F, 0.06F}, {0.1F, 0.18F},
        {-0.1F, 0.18F}, {0.13F, 0.35F}, {-0.13F, 0.35F}, {0.14F, 0.5F},  {-0.14F, 0.5F},  {0.07F, 0.5F},
        {-0.07F, 0.5F}, {0.07F, 0.74F}, {-0.07F, 0.74F}, {0.07F, 0.96F}, {-0.07F, 0.96F}};
    std::vector<float> values;
    for (const auto& [across, down] : kPlaces) {
      values.push_back((top + down * height - region.centre_y) / region.size + 0.5F);
      values.push_back((x + across * height - region.centre_x) / region.size + 0.5F);
      values.push_back(score);
    }
    return values;
  }
};

void expect_equal(const LandmarkState& got, const LandmarkState& expected) {
  EXPECT_EQ(got.tracked, expected.tracked);
  EXPECT_EQ(got.region.valid, expected.region.valid);
  EXPECT_NEAR(got.presence, expected.presence, 1e-4);
  EXPECT_NEAR(got.size, expected.size, 1e-2);
  EXPECT_NEAR(got.region.centre_x, expected.region.centre_x, 1e-2);
  EXPECT_NEAR(got.region.centre_y, expected.region.centre_y, 1e-2);
  EXPECT_NEAR(got.region.size, expected.region.size, 1e-2);
  if (expected.tracked == 0) return;
  for (size_t i = 0; i < kBodyPoints; ++i) {
    ASSERT_NEAR(got.points[i].x, expected.points[i].x, 1e-2) << i;
    ASSERT_NEAR(got.points[i].y, expected.points[i].y, 1e-2) << i;
    ASSERT_NEAR(got.points[i].score, expected.points[i].score, 1e-4) << i;
    ASSERT_NEAR(got.speeds[i].x, expected.speeds[i].x, 1e-2) << i;
    ASSERT_NEAR(got.speeds[i].score, expected.speeds[i].score, 1e-4) << i;
  }
}

TEST_F(BodyTest, PointsFilterAndRegionEqualTheReference) {
  for (const Storage& storage : {Storage{}, Storage{TensorLayout::kLinear, true, false},
                                 Storage{TensorLayout::kLinear, false, true}}) {
    SCOPED_TRACE(name_of(storage));
    Chain chain = Chain::make(storage);
    LandmarkState expected;
    expected.region = whole_frame(kWidth, kHeight);
    for (int frame = 0; frame < 8; ++frame) {
      SCOPED_TRACE(frame);
      auto values = standing(expected.region, 300 + 5.0F * float(frame), 100, 200);
      const auto noise = test::random_values(values.size(), -0.01F, 0.01F, 30 + uint32_t(frame));
      for (size_t i = 0; i < values.size(); ++i) values[i] += noise[i];
      values[3 * 9 + 2] = frame < 3 ? 0.05F : 0.7F;  // a hand comes from behind the back,
      if (frame == 6) values = std::vector<float>(3 * kBodyPoints, 0.1F);  // then nobody is there
      const BodyParams params = frame_after(frame == 4 ? 0 : 0.04F);       // once the same frame again
      const LandmarkState got = chain.run(values, params);
      expected = body_reference(values, params, expected);
      expect_equal(got, expected);
      if (frame == 6) {
        EXPECT_EQ(got.tracked, 0U);
      }
      expected = got;  // so that rounding does not add up
    }
  }
}

/// A still picture, or a window that was paused when the stage began: the first looks settle, then points
/// stay.
TEST_F(BodyTest, TheSameFrameAgainSettlesAndThenStays) {
  Chain chain = Chain::make({});
  LandmarkState expected;
  expected.region = whole_frame(kWidth, kHeight);
  for (int look = 0; look < 4; ++look) {
    SCOPED_TRACE(look);
    auto values = standing(expected.region, 300 + 4.0F * float(look), 100, 200);
    const LandmarkState got = chain.run(values, frame_after(0));
    expected = body_reference(values, frame_after(0), expected);
    expect_equal(got, expected);
    EXPECT_EQ(got.tracked, std::min(uint32_t(look) + 1, kSettledFrames));
    EXPECT_NEAR(got.points[0].x, look == 0 ? 300 : 304, 0.1)
        << "unfiltered, from the settled look on the same";
    expected = got;
  }
}

TEST_F(BodyTest, AResetForgetsWhoWasThere) {
  Chain chain = Chain::make({});
  for (int frame = 0; frame < 2; ++frame) {
    auto values = standing(chain.state().region, 200, 100, 200);
    ASSERT_NE(chain.run(values, frame_after(0.04F)).tracked, 0U);
  }
  EXPECT_OK(
      device().run_once([&](gpu::CommandList& commands) { chain.pass.reset(commands, kWidth, kHeight); }));
  const LandmarkState none = chain.state();
  EXPECT_EQ(none.tracked, 0U);
  EXPECT_EQ(none.presence, 0);
  EXPECT_EQ(none.region.size, float(kWidth));
  // Somebody elsewhere: points start there, not on the way.
  auto values = standing(none.region, 500, 100, 200);
  EXPECT_NEAR(chain.run(values, frame_after(0.04F)).points[0].x, 500, 0.1);
}

TEST_F(BodyTest, AScoreThatIsNoNumberIsNoPoint) {
  Chain chain = Chain::make({});
  auto values = standing(whole_frame(kWidth, kHeight), 200, 100, 200);
  for (size_t i = 3; i < kBodyPoints; ++i) values[3 * i + 2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(chain.run(values, frame_after(0.04F)).tracked, 0U);
}

TEST_F(BodyTest, TheRegionFollowsWhoIsSmallAndIsTheFrameForWhoIsNear) {
  Chain chain = Chain::make({});
  // From the hips at (200, 200) to the ankles 92 pixels below, and as much again in parts: 1.2 times 92; or
  // 1.9 times the 64 pixels up to the shoulders, which is more.
  auto values = standing(whole_frame(kWidth, kHeight), 200, 100, 200);
  LandmarkState state = chain.run(values, frame_after(0.04F));
  EXPECT_NEAR(state.region.centre_x, 200, 0.1);
  EXPECT_NEAR(state.region.centre_y, 200, 0.1);
  EXPECT_NEAR(state.region.size, 2 * 1.9 * 64, 0.5);
  // In that region he is found at the same place.
  values = standing(state.region, 200, 100, 200);
  state = chain.run(values, frame_after(0.04F));
  EXPECT_NEAR(state.points[kLeftAnkle].x, 214, 0.5);
  EXPECT_NEAR(state.points[kLeftAnkle].y, 292, 0.5);
  // Near the camera: nobody's square is larger than the frame.
  values = standing(state.region, 320, 20, 900);
  state = chain.run(values, frame_after(0.04F));
  EXPECT_EQ(state.region.size, float(kWidth));
  EXPECT_EQ(state.region.centre_y, float(kHeight) / 2);
  // Behind a desk: no hips are seen.
  values = standing(state.region, 320, 100, 200);
  for (const size_t point : {kLeftHip, kRightHip}) values[3 * point + 2] = 0.1F;
  state = chain.run(values, frame_after(0.04F));
  EXPECT_EQ(state.region.size, float(kWidth));
  EXPECT_EQ(state.tracked, kSettledFrames);
}

TEST_F(BodyTest, NobodyIsLessThanFourSurePoints) {
  Chain chain = Chain::make({});
  auto values = standing(whole_frame(kWidth, kHeight), 200, 100, 200, 0.29F);
  for (size_t i = 0; i < 3; ++i) values[3 * i + 2] = 0.9F;
  EXPECT_EQ(chain.run(values, frame_after(0.04F)).tracked, 0U);
  values[3 * 3 + 2] = 0.31F;
  EXPECT_EQ(chain.run(values, frame_after(0.04F)).tracked, 1U);
}

TEST_F(BodyTest, APointThatComesIntoViewStartsWhereItIs) {
  Chain chain = Chain::make({});
  const Region frame = whole_frame(kWidth, kHeight);
  auto values = standing(frame, 300, 100, 150);
  values[3 * 9 + 2] = 0.05F;
  values[3 * 9 + 1] = 0.9F;  // where the network put it that does not see it
  LandmarkState state = chain.run(values, frame_after(0.04F));
  values = standing(state.region, 300, 100, 150);
  state = chain.run(values, frame_after(0.04F));
  EXPECT_NEAR(state.points[kLeftWrist].x, 300 + 0.14 * 150, 0.1) << "not on the way";
}

TEST_F(BodyTest, SteadiesABodyThatStandsStill) {
  Chain chain = Chain::make({});
  double raw = 0, filtered = 0;
  LandmarkState state = chain.state(), before = state;
  float last = 0;
  for (int frame = 0; frame < 40; ++frame) {
    const Region region = state.region;
    auto values = standing(region, 300, 100, 200);
    const auto noise = test::random_values(values.size(), -1.5F, 1.5F, 60 + uint32_t(frame));
    for (size_t i = 0; i < kBodyPoints; ++i) values[3 * i + 1] += noise[i] / region.size;
    before = state;
    state = chain.run(values, frame_after(1 / 30.0F));
    const float measured = (values[3 * 5 + 1] - 0.5F) * region.size + region.centre_x;
    if (frame > 10) {
      raw += std::abs(double(measured - last));
      filtered += std::abs(double(state.points[5].x - before.points[5].x));
    }
    last = measured;
  }
  EXPECT_LT(filtered, raw / 2.5) << "pixels of jitter over 29 frames";
}

TEST_F(BodyTest, ANetworkThatIsNoBodysIsRefused) {
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{1, 33, 5, 1}, {1, 17, 3}, {1, 17, 1, 3}, {1, 1, 17, 2}}) {
    const auto points = test::put(device(), shape, {});
    ASSERT_OK(points);
    const auto pass = BodyLandmarks::create(device(), points->ref);
    ASSERT_FALSE(pass.ok());
    EXPECT_NE(pass.error().message.find("gives [1,1,17,3], this one [1,"), std::string::npos)
        << pass.error().message;
  }
}

}  // namespace
}  // namespace tarsier::vision
